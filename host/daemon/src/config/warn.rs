//! Warnings about settings that work, and that are probably mistakes.

use std::collections::{BTreeMap, HashMap, HashSet};

use playrelay_engine::routing::route::Route;

use crate::config::account::AccountConfig;
use crate::config::document::{ConfigError, Value};

/// Sources and trackers to which no route leads, and sources that are one server.
pub(crate) fn of_accounts(
    sources: &BTreeMap<String, AccountConfig>,
    trackers: &BTreeMap<String, AccountConfig>,
    routes: &[Route],
    warnings: &mut Vec<ConfigError>,
) {
    let mut warn = |account: &AccountConfig, text: String| {
        warnings.push(ConfigError { place: account.place.clone(), text });
    };
    // A configuration may have thousands of accounts: each is looked at once.
    let heard: HashSet<&str> = routes.iter().map(|route| route.source.as_str()).collect();
    let told: HashSet<&str> = routes
        .iter()
        .flat_map(|route| std::iter::once(&route.tracker).chain(&route.removal.accounts))
        .map(String::as_str)
        .collect();
    let mut addresses: HashMap<String, &str> = HashMap::new();
    for (name, source) in sources.iter().filter(|(_, source)| source.source.enabled) {
        if !heard.contains(name.as_str()) {
            let text = format!(
                "no route begins at [sources.{name}], so nothing of it is sent anywhere; add [[routes]] with source = {name:?}"
            );
            warn(source, text);
        }
        let Some(address) = address(source) else { continue };
        if let Some(other) = addresses.get(&address) {
            let text = format!(
                "[sources.{other}] and [sources.{name}] have the same address; expected one source for each server"
            );
            warn(source, text);
        } else {
            addresses.insert(address, name);
        }
    }
    for (name, tracker) in trackers {
        if !told.contains(name.as_str()) {
            let text = format!(
                "no route leads to [trackers.{name}], so nothing is sent there; add [[routes]] with tracker = {name:?}"
            );
            warn(tracker, text);
        }
    }
}

/// Where a source's server is, as far as it is written in the usual key.
fn address(account: &AccountConfig) -> Option<String> {
    match &account.settings.get("url")?.value {
        Value::Text(url) => Some(url.trim().trim_end_matches('/').to_lowercase()),
        _ => None,
    }
}
