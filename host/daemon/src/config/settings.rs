//! The settings of an account, held against the manifest of its plugin.

use std::collections::BTreeMap;

use playrelay_plugin_host::account::{Settings, names_loopback};
use playrelay_plugin_host::http::Origin;
use playrelay_plugin_host::manifest::{Manifest, Setting, SettingKind};
use playrelay_util::secret::Secret;

use crate::config::account::AccountConfig;
use crate::config::clients;
use crate::config::document::{ConfigError, SpannedValue, Value};
use crate::config::role::Role;
use crate::config::section::{is_near, unknown_key_message};

/// Reads the settings of an account. `stored` are secrets that were entered on a page, `built_in` ids of a distributor; what the
/// configuration says counts more.
pub fn settings(
    name: &str,
    account: &AccountConfig,
    manifest: &Manifest,
    role: Role,
    stored: &BTreeMap<String, Secret>,
    built_in: Option<&BTreeMap<String, Secret>>,
    problems: &mut Vec<ConfigError>,
) -> Settings {
    let within = format!("[{}.{name}]", role.section());
    if !role.fits(manifest) {
        // Its settings are those of another role: more complaints would only hide this one.
        let text = format!(
            "plugin {:?} in {within} provides {}; expected one that provides {}",
            account.plugin,
            manifest.provides.names().into_iter().collect::<Vec<_>>().join(", "),
            role.interfaces().join(" or ")
        );
        problems.push(ConfigError { place: account.place.clone(), text });
        let mut settings = Settings::default();
        add_defaults(&mut settings, manifest);
        return settings;
    }
    let mut settings = Settings::default();
    for (key, node) in &account.settings {
        let Some(setting) = manifest.settings.get(key) else {
            let own = role.own_keys().iter().map(|key| (*key).to_owned());
            let known: Vec<String> = own.chain(manifest.settings.keys().cloned()).collect();
            problems.push(ConfigError {
                place: node.place.clone(),
                text: unknown_key_message("key", key, &within, &known),
            });
            continue;
        };
        let must_say_something = setting.secret || setting.kind == SettingKind::ServerUrl;
        match read(node, setting) {
            Some(value) if must_say_something && value.trim().is_empty() => {
                let text = format!("`{key}` in {within} is empty; expected {}, or no such key", setting.kind);
                problems.push(ConfigError { place: node.place.clone(), text });
                continue;
            }
            Some(value) if setting.secret => {
                settings.secret.insert(key.clone(), Secret::new(value));
            }
            Some(value) => {
                settings.plain.insert(key.clone(), value);
            }
            None => {
                let found = match (&node.value, setting.kind) {
                    (Value::Text(text), SettingKind::ServerUrl) => invalid_url_message(text),
                    (value, _) if setting.secret => value.kind().to_owned(),
                    (value, _) => value.shown(key),
                };
                let text = format!("`{key}` in {within} is {found}; expected {}", setting.kind);
                problems.push(ConfigError { place: node.place.clone(), text });
                continue;
            }
        }
        settings.user_set.insert(key.clone());
    }
    for (key, secret) in stored {
        let is_secret = manifest.settings.get(key).is_some_and(|setting| setting.secret);
        if is_secret && !account.settings.contains_key(key) {
            settings.secret.insert(key.clone(), secret.clone());
            settings.user_set.insert(key.clone());
        }
    }
    settings.is_service_here = manifest.settings.iter().any(|(key, setting)| {
        let is_service = setting.kind == SettingKind::ServerUrl && setting.default.is_some();
        is_service && settings.plain.get(key).is_some_and(|address| names_loopback(address))
    });
    if let Some(built_in) = built_in {
        clients::fill(&mut settings, manifest, built_in);
    }
    add_defaults(&mut settings, manifest);
    let is_set = |key: &String| settings.plain.contains_key(key) || settings.secret.contains_key(key);
    // One complaint for one slip: what is misspelt, or of the wrong kind, was complained of.
    let was_named = |key: &String| {
        account
            .settings
            .keys()
            .any(|found| found == key || (!manifest.settings.contains_key(found) && is_near(found, key)))
    };
    for (key, setting) in &manifest.settings {
        let other = setting.required_unless.as_ref().filter(|other| !is_set(other));
        if (setting.required || other.is_some()) && !is_set(key) && !was_named(key) {
            let or = other.map(|other| format!(" or `{other}`")).unwrap_or_default();
            let text = format!(
                "{within} has no `{key}`{or}, which plugin {:?} needs: {}",
                account.plugin, setting.label
            );
            let hint = if setting.help.is_empty() { String::new() } else { format!(". {}", setting.help) };
            problems.push(ConfigError { place: account.place.clone(), text: text + &hint });
        }
    }
    settings
}

/// The error in an address. The message does not repeat the address, which may carry a password.
fn invalid_url_message(text: &str) -> String {
    let why = Origin::parse(text).err().map(|error| format!(": {error}")).unwrap_or_default();
    format!("not a valid address{why}")
}

fn add_defaults(settings: &mut Settings, manifest: &Manifest) {
    let defaults: BTreeMap<_, _> = manifest
        .settings
        .iter()
        .filter(|(key, setting)| !setting.secret && !settings.plain.contains_key(*key))
        .filter_map(|(key, setting)| Some((key.clone(), setting.default.clone()?)))
        .collect();
    settings.plain.extend(defaults);
}

/// The value as text, where it is of the setting's type. The environment gives text for everything.
fn read(node: &SpannedValue, setting: &Setting) -> Option<String> {
    let text = match &node.value {
        // Blanks around a value come from copying, and are never meant.
        Value::Text(text) => text.trim().to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Boolean(flag) => flag.to_string(),
        _ => return None,
    };
    let fits = match setting.kind {
        SettingKind::String => matches!(node.value, Value::Text(_)),
        SettingKind::Integer => text.trim().parse::<i64>().is_ok(),
        SettingKind::Boolean => text.trim().parse::<bool>().is_ok(),
        SettingKind::ServerUrl => text.is_empty() || Origin::parse(&text).is_ok(),
    };
    fits.then_some(text)
}
