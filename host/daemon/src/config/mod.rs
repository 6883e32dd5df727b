//! `playrelay.toml`: what the user wants.
//!
//! Every key can also be set by an environment variable (`PLAYRELAY__SERVER__LISTEN`), or by one that names a file with
//! the value (`PLAYRELAY__TRACKERS__BOB__CLIENT_SECRET_FILE`). All that is wrong is found at once, and each complaint
//! says where, what was found, and what is allowed.

mod access;
mod account;
pub(crate) mod clients;
mod delivery;
mod document;
pub mod edit;
pub mod file;
pub mod key_path;
pub mod keys;
mod mappings;
mod notify;
mod oidc;
mod people;
mod plugins;
mod role;
mod route;
mod schedule;
mod scrobble;
mod section;
mod server;
mod settings;
pub mod source;
mod store;
mod warn;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

pub use access::Access;
pub use account::AccountConfig;
pub use delivery::Delivery;
pub use document::{ConfigError, Location, SpannedValue, Value, is_secret, is_secret_key};
pub use mappings::{MappingFile, MappingOptions};
pub use notify::{EMAIL, Email, MailTls, NotifyOptions};
pub use oidc::Oidc;
pub use people::PersonConfig;
use playrelay_engine::policy::Policy;
use playrelay_engine::routing::route::Route;
use playrelay_plugin_host::artifact::Digest;
use playrelay_plugin_host::registry::Approval;
pub use role::Role;
pub use section::unknown_key_message;
use section::{Section, is_near};
pub use server::{DEFAULT_PORT, Server};
pub use settings::settings;
pub use store::{StoreOptions, is_server_address};

/// The configuration in the folder in which the program was started.
pub const DEFAULT_FILE: &str = "playrelay.toml";
/// The configuration of a machine, where the folder has none. Packages put it there.
pub const SYSTEM_FILE: &str = "/etc/playrelay/playrelay.toml";
/// The variable that may name the configuration.
pub const FILE_VARIABLE: &str = "PLAYRELAY_CONFIG";

/// Everything.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The file; absent if only variables set keys.
    pub file: Option<PathBuf>,
    /// The digest of the file's text.
    pub digest: Option<Digest>,
    /// Whether anything is configured: there is a file, or a variable sets a key.
    pub is_there: bool,
    /// Warnings: settings that work, and that are probably mistakes.
    pub warnings: Vec<ConfigError>,
    /// `[server]`
    pub server: Server,
    /// `[store]`
    pub store: StoreOptions,
    /// `[access]`
    pub access: Access,
    /// `[plugins] dir`; below the data folder where it is not set.
    pub plugin_dir: PathBuf,
    /// Whether it was set.
    pub has_plugin_dir: bool,
    /// `[plugins] approve`: the plugins that may serve without anybody's approval by command or page.
    pub plugin_approvals: Vec<Approval>,
    /// `[scrobble]`
    pub scrobble: Policy,
    /// `[delivery]`
    pub delivery: Delivery,
    /// `[sources.*]`
    pub sources: BTreeMap<String, AccountConfig>,
    /// `[trackers.*]`
    pub trackers: BTreeMap<String, AccountConfig>,
    /// `[catalogues.*]`
    pub catalogues: BTreeMap<String, AccountConfig>,
    /// `[notifiers.*]`
    pub notifiers: BTreeMap<String, AccountConfig>,
    /// `[notify]`
    pub notify: NotifyOptions,
    /// `[people.*]`
    pub people: BTreeMap<String, PersonConfig>,
    /// `[mappings]`
    pub mappings: MappingOptions,
    /// `[[routes]]`
    pub routes: Vec<Route>,
}

impl Config {
    /// The accounts of a role.
    pub fn accounts(&self, role: Role) -> &BTreeMap<String, AccountConfig> {
        match role {
            Role::Source => &self.sources,
            Role::Tracker => &self.trackers,
            Role::Catalogue => &self.catalogues,
            Role::Notifier => &self.notifiers,
        }
    }

    /// An account and its role; absent where none has this name.
    pub fn account(&self, name: &str) -> Option<(Role, &AccountConfig)> {
        Role::ALL.into_iter().find_map(|role| Some((role, self.accounts(role).get(name)?)))
    }

    /// The names of the accounts of a plugin, in any role.
    pub fn accounts_of(&self, plugin: &str) -> impl Iterator<Item = &String> {
        let accounts = Role::ALL.into_iter().flat_map(|role| self.accounts(role));
        accounts.filter(move |(_, account)| account.plugin == plugin).map(|(name, _)| name)
    }

    /// The policy of the session engine: `[scrobble]`, with content that any route asks for.
    pub fn engine_policy(&self) -> Policy {
        let asked =
            |of: fn(&Policy) -> bool| of(&self.scrobble) || self.routes.iter().any(|route| of(&route.policy));
        Policy {
            live_tv: asked(|policy| policy.live_tv),
            recordings: asked(|policy| policy.recordings),
            extras: asked(|policy| policy.extras),
            ..self.scrobble.clone()
        }
    }
}

/// Reads the configuration: that of the file that is named here or by [`FILE_VARIABLE`], of [`DEFAULT_FILE`], or of [`SYSTEM_FILE`]. Without any of
/// them it is the defaults.
///
/// # Errors
///
/// Gives all mistakes of file and variables at once, and a file that cannot be read.
pub fn load(file: Option<&Path>) -> Result<Config, Vec<ConfigError>> {
    let variable = std::env::var_os(FILE_VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from);
    match file.or(variable.as_deref()) {
        Some(named) => load_first(&[named]),
        None => load_first(&[Path::new(DEFAULT_FILE), Path::new(SYSTEM_FILE)]),
    }
}

/// Reads the first file that is there. Where the default one is not there, and none after it, the defaults count.
fn load_first(files: &[&Path]) -> Result<Config, Vec<ConfigError>> {
    let default = Path::new(DEFAULT_FILE);
    for path in files {
        match std::fs::read_to_string(path) {
            Ok(text) => return parse_text(path, &text),
            Err(error) if error.kind() == io::ErrorKind::NotFound && files.contains(&default) => {}
            Err(error) => {
                let remedy = match error.kind() {
                    io::ErrorKind::PermissionDenied => {
                        "; run the command as the user that the file belongs to, with `sudo -u USER`"
                    }
                    _ => "",
                };
                let text = format!("the file cannot be read: {error}{remedy}");
                return Err(vec![ConfigError { place: Location::Line(path.display().to_string(), 1), text }]);
            }
        }
    }
    // It may be written while the daemon runs.
    parse(None, environment()).map(|config| Config { file: Some(default.to_owned()), ..config })
}

/// The variables of this process that are text. A variable of ours is always text: its name is ASCII, and so is its value's file or key.
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// The digest of a file's text; absent if the file is missing or empty.
pub fn text_digest(file: &Path) -> Option<Digest> {
    let text = std::fs::read(file).ok().filter(|text| !text.is_empty())?;
    Some(Digest::of(&text))
}

/// The tree of a configuration: every value with its place, the variables of this process laid over the file.
pub fn tree(file: Option<(&Path, &str)>) -> BTreeMap<String, SpannedValue> {
    let folder = file.and_then(|(path, _)| path.parent()).unwrap_or(Path::new("")).to_owned();
    // Whoever asks for the tree asks for its mistakes, too, with [`parse`].
    document::read(file, &folder, environment(), &mut Vec::new())
}

/// Reads a configuration from a text that stands, or would stand, in a file, and the variables of this process.
///
/// # Errors
///
/// Gives all mistakes at once, each with its place.
pub fn parse_text(path: &Path, text: &str) -> Result<Config, Vec<ConfigError>> {
    parse(Some((path, text)), environment())
}

/// Reads a configuration from text and variables.
///
/// # Errors
///
/// Gives all mistakes at once, each with its place.
pub fn parse(
    file: Option<(&Path, &str)>,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Config, Vec<ConfigError>> {
    let mut problems = Vec::new();
    let folder = file.and_then(|(path, _)| path.parent()).unwrap_or(Path::new("")).to_owned();
    let root = document::read(file, &folder, environment, &mut problems);
    let is_there = file.is_some() || !root.is_empty();
    let mut config = read(root, &mut problems);
    config.is_there = is_there;
    // What is written in a file is meant from there, wherever the program was started.
    config.server.data_dir = folder.join(config.server.data_dir);
    config.plugin_dir = folder.join(config.plugin_dir);
    if let Some(MappingFile::Path(path)) = &mut config.mappings.anime {
        *path = folder.join(&*path);
    }
    config.file = file.map(|(path, _)| path.to_owned());
    config.digest = file.map(|(_, text)| Digest::of(text.as_bytes()));
    problems.sort();
    if problems.is_empty() { Ok(config) } else { Err(problems) }
}

/// Complains of sections whose names are misspelt, and gives them the names that were meant: what refers to them is right.
fn with_meant_names(
    root: BTreeMap<String, SpannedValue>,
    problems: &mut Vec<ConfigError>,
) -> BTreeMap<String, SpannedValue> {
    let known: Vec<String> = document::SECTIONS.into_iter().chain(["routes"]).map(str::to_owned).collect();
    let (mut meant, others): (BTreeMap<_, _>, BTreeMap<_, _>) =
        root.into_iter().partition(|(name, _)| known.contains(name));
    for (name, node) in others {
        let near = known.iter().find(|known| is_near(&name, known) && !meant.contains_key(*known));
        if let Some(near) = near {
            let text = unknown_key_message("key", &name, "the configuration", &known);
            problems.push(ConfigError { place: node.place.clone(), text });
            meant.insert(near.clone(), node);
        } else {
            meant.insert(name, node);
        }
    }
    meant
}

fn read(root: BTreeMap<String, SpannedValue>, problems: &mut Vec<ConfigError>) -> Config {
    let root = with_meant_names(root, problems);
    let mut sections = Section::new("the configuration", root, problems);
    let (server, plugins) = (sections.table("server"), sections.table("plugins"));
    let (access, store) = (sections.table("access"), sections.table("store"));
    let (scrobble, delivery) = (sections.table("scrobble"), sections.table("delivery"));
    let (sources, trackers) = (sections.table("sources"), sections.table("trackers"));
    let catalogues = sections.table("catalogues");
    let (notifiers, notify) = (sections.table("notifiers"), sections.table("notify"));
    let people = sections.table("people");
    let mappings = sections.table("mappings");
    let routes = sections.take("routes");
    sections.finish();

    let server = server::read(server, problems);
    let store = store::read(store, problems);
    let access = access::read(access, server.public_url.is_some(), problems);
    let mut section = Section::new("[plugins]", plugins, problems);
    let has_plugin_dir = section.location("dir") != Location::Nowhere;
    let plugin_dir = section.text("dir").map_or_else(|| server.data_dir.join("plugins"), PathBuf::from);
    let plugin_approvals = plugins::approvals(&mut section);
    section.finish();
    let mut warnings = Vec::new();
    let mut section = Section::new("[scrobble]", scrobble, problems);
    let scrobble = scrobble::read(&mut section, &Policy::default());
    section.finish();
    let delivery = delivery::read(delivery, problems);
    let sources = account::read(Role::Source, sources, problems);
    account::check_tokens(&sources, problems);
    let trackers = account::read(Role::Tracker, trackers, problems);
    let catalogues = account::read(Role::Catalogue, catalogues, problems);
    let notifiers = account::read(Role::Notifier, notifiers, problems);
    let notify = notify::read(notify, problems);
    account::check_names([&sources, &trackers, &catalogues, &notifiers], problems);
    let people = people::read(people, &sources, &trackers, problems);
    let mappings = mappings::read(mappings, problems);
    let routes = route::read(routes, &sources, &trackers, &scrobble, problems, &mut warnings);
    warn::of_accounts(&sources, &trackers, &routes, &mut warnings);
    warnings.sort();
    Config {
        file: None,
        digest: None,
        is_there: false,
        warnings,
        server,
        store,
        access,
        plugin_dir,
        has_plugin_dir,
        plugin_approvals,
        scrobble,
        delivery,
        sources,
        trackers,
        catalogues,
        notifiers,
        notify,
        people,
        mappings,
        routes,
    }
}
