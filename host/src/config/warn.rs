//! What can work, and is probably not what was meant.

use std::collections::BTreeMap;

use super::AccountConfig;
use super::document::{Problem, Value};
use crate::dispatch::route::Route;

/// Sources and trackers to which no route leads, and sources that are one server.
pub(super) fn of_accounts(
    sources: &BTreeMap<String, AccountConfig>,
    trackers: &BTreeMap<String, AccountConfig>,
    routes: &[Route],
    warnings: &mut Vec<Problem>,
) {
    let mut warn = |account: &AccountConfig, text: String| {
        warnings.push(Problem { place: account.place.clone(), text });
    };
    for (name, source) in sources.iter().filter(|(_, source)| source.source.enabled) {
        if !routes.iter().any(|route| route.source == *name) {
            let text = format!(
                "no route begins at [sources.{name}], so nothing of it is sent anywhere; add [[routes]] with source = {name:?}"
            );
            warn(source, text);
        }
        let same = sources.iter().find(|(other, it)| {
            *other < name && it.source.enabled && address(it).is_some() && address(it) == address(source)
        });
        if let Some((other, _)) = same {
            let text = format!(
                "[sources.{other}] and [sources.{name}] have the same address; expected one source for each server"
            );
            warn(source, text);
        }
    }
    for (name, tracker) in trackers {
        let is_list = routes.iter().any(|route| route.removal.accounts.contains(name));
        if !is_list && !routes.iter().any(|route| route.tracker == *name) {
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
