//! `[sources.NAME]`, `[trackers.NAME]`, `[catalogues.NAME]` and `[notifiers.NAME]`.

use std::collections::{BTreeMap, HashSet};

use crate::config::document::{ConfigError, Location, SpannedValue, Value};
use crate::config::notify;
use crate::config::role::Role;
use crate::config::section::Section;
use crate::config::source;

/// Letters of a webhook's token.
const MIN_TOKEN_LEN: usize = 8;

/// An account, before its plugin has been asked what its settings mean.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountConfig {
    /// The plugin's id.
    pub plugin: String,
    /// The place of that key, for error messages.
    pub place: Location,
    /// The keys of a source that are not settings of its plugin; the defaults for other accounts.
    pub source: source::SourceOptions,
    /// Everything else.
    pub settings: BTreeMap<String, SpannedValue>,
}

/// Reads the accounts of a role.
pub(super) fn read(
    role: Role,
    keys: BTreeMap<String, SpannedValue>,
    problems: &mut Vec<ConfigError>,
) -> BTreeMap<String, AccountConfig> {
    let kind = role.section();
    let mut accounts = BTreeMap::new();
    for (name, node) in keys {
        let Value::Table(table) = node.value else {
            let text =
                format!("`{name}` in [{kind}] is {}; expected a section [{kind}.{name}]", node.value.kind());
            problems.push(ConfigError { place: node.place, text });
            continue;
        };
        let mut section = Section::new(format!("[{kind}.{name}]"), table, problems);
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            || name.is_empty()
        {
            section.error(
                node.place.clone(),
                format!("{name:?} is not a valid name; expected letters, digits, - and _"),
            );
        }
        let place = match section.location("plugin") {
            Location::Nowhere => node.place,
            place => place,
        };
        let plugin = section.text("plugin").unwrap_or_else(|| {
            let text = format!("[{kind}.{name}] has no `plugin`; expected the id of a plugin");
            section.missing("plugin", place.clone(), text);
            String::new()
        });
        let within = format!("[{kind}.{name}]");
        let source = match role {
            Role::Source => source::read(&mut section, &within),
            Role::Tracker | Role::Catalogue | Role::Notifier => source::SourceOptions::default(),
        };
        let settings = section.remaining_keys();
        accounts.insert(name, AccountConfig { plugin, place, source, settings });
    }
    accounts
}

/// Refuses names that two accounts share, whatever their roles.
pub(super) fn check_names(roles: [&BTreeMap<String, AccountConfig>; 4], problems: &mut Vec<ConfigError>) {
    let mut known: HashSet<&str> = HashSet::from([notify::EMAIL]);
    let accounts = roles.into_iter().flatten();
    for (name, account) in accounts {
        if !known.insert(name) {
            let text = match name == notify::EMAIL {
                true => format!("{name:?} is the name of [notify.email]; expected another name"),
                false => format!(
                    "{name:?} names two accounts; expected a name for each source, tracker, catalogue and notifier"
                ),
            };
            problems.push(ConfigError { place: account.place.clone(), text });
        }
    }
}

/// Refuses webhook tokens that are short, or that two sources share.
pub(super) fn check_tokens(sources: &BTreeMap<String, AccountConfig>, problems: &mut Vec<ConfigError>) {
    let mut known: HashSet<&str> = HashSet::new();
    for (name, source) in sources {
        let Some(token) = &source.source.webhook_token else { continue };
        let place = source.place.clone();
        if token.expose().len() < MIN_TOKEN_LEN {
            let text = format!(
                "`webhook_token` of [sources.{name}] is too short; expected {MIN_TOKEN_LEN} letters or more"
            );
            problems.push(ConfigError { place, text });
        } else if known.contains(token.expose()) {
            let text = format!(
                "`webhook_token` of [sources.{name}] is that of another source; expected one of its own"
            );
            problems.push(ConfigError { place, text });
        }
        known.insert(token.expose());
    }
}
