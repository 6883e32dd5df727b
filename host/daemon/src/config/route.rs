//! `[[routes]]`

use std::collections::{BTreeMap, HashMap};

use playrelay_engine::policy::Policy;
use playrelay_engine::routing::filter::{Filters, Kind, NameFilter, PathRule};
use playrelay_engine::routing::route::{Route, UnsupportedActions, UserRule, WatchlistRemoval};

use crate::config::account::AccountConfig;
use crate::config::document::{ConfigError, Location, SpannedValue, Value};
use crate::config::scrobble;
use crate::config::section::{Section, unknown_key_message};

/// Reads all routes. One whose accounts there are not is complained of and left out; one that is switched off is left out.
pub(crate) fn read(
    routes: Option<SpannedValue>,
    sources: &BTreeMap<String, AccountConfig>,
    trackers: &BTreeMap<String, AccountConfig>,
    scrobble: &Policy,
    problems: &mut Vec<ConfigError>,
    warnings: &mut Vec<ConfigError>,
) -> Vec<Route> {
    let Some(SpannedValue { value, place }) = routes else { return Vec::new() };
    let Value::List(items) = value else {
        let text = format!("`routes` is {}; expected sections [[routes]]", value.kind());
        problems.push(ConfigError { place, text });
        return Vec::new();
    };
    let mut read: Vec<Route> = Vec::new();
    // Where the routes between two accounts are: there may be thousands of others.
    let mut places: HashMap<(String, String), Vec<usize>> = HashMap::new();
    for SpannedValue { value, place } in items {
        let Value::Table(table) = value else {
            problems.push(ConfigError { place, text: "expected a section [[routes]]".to_owned() });
            continue;
        };
        let mut section = Section::new("[[routes]]", table, problems);
        let source = account(&mut section, "source", &place, sources);
        let tracker = account(&mut section, "tracker", &place, trackers);
        let users = users(&mut section, &place);
        let filters = filters(&mut section);
        let ratings = section.boolean("ratings").unwrap_or(false);
        let marks = section.boolean("marks").unwrap_or(true);
        let unwatched = section.boolean("unwatched").unwrap_or(false);
        let removal = removal(&mut section, tracker.as_deref(), trackers);
        let policy = scrobble::read_for_route(&mut section, scrobble);
        let enabled = section.boolean("enabled").unwrap_or(true);
        section.finish();
        if let (Some(source), Some(tracker), true) = (source, tracker, enabled) {
            let route = Route {
                source,
                tracker,
                users,
                filters,
                ratings,
                marks,
                unwatched,
                removal,
                policy,
                untaken: UnsupportedActions::default(),
            };
            let alike = places.entry((route.source.clone(), route.tracker.clone())).or_default();
            if alike.iter().any(|place| read[*place] == route) {
                let text = format!("this route from {} to {} is there twice", route.source, route.tracker);
                warnings.push(ConfigError { place, text });
                continue;
            }
            alike.push(read.len());
            read.push(route);
        }
    }
    read
}

/// Nobody is carried whom nobody has named; an empty list leaves that to `playrelay users assign`.
fn users(section: &mut Section<'_>, route: &Location) -> Vec<UserRule> {
    let is_there = section.location("users") != Location::Nowhere;
    let place = section.location("users");
    let Some(users) = section.texts("users") else {
        if is_there {
            // What is wrong with it was said.
            return Vec::new();
        }
        let text = "[[routes]] has no `users`; expected names, \"id:…\", \"uuid:…\", \"*\" for everybody on the server, or [] for \
                    those whom you assign with `playrelay users`";
        section.missing("users", route.clone(), text.to_owned());
        return Vec::new();
    };
    if users.iter().any(String::is_empty) && users.len() > 1
        || users == [""] && matches!(place, Location::Line(..))
    {
        let text = "`users` in [[routes]] has an empty name; expected names, or [] for those whom you assign";
        section.error(place, text.to_owned());
    }
    users.iter().filter(|user| !user.is_empty()).map(|user| UserRule::parse(user)).collect()
}

/// Nothing is taken off a watchlist unless the route says so: `watchlist_remove = true` is for movies, a list names the kinds.
fn removal(
    section: &mut Section<'_>,
    tracker: Option<&str>,
    trackers: &BTreeMap<String, AccountConfig>,
) -> WatchlistRemoval {
    const KINDS: [&str; 2] = ["movie", "show"];
    let place = section.location("watchlist_remove");
    let kinds = section.flag_or_texts("watchlist_remove").map_or_else(Vec::new, |value| match value {
        Ok(true) => vec!["movie".to_owned()],
        Ok(false) => Vec::new(),
        Err(kinds) => kinds,
    });
    for kind in kinds.iter().filter(|kind| !KINDS.contains(&kind.as_str())) {
        let text = format!(
            "`watchlist_remove` in [[routes]] has {kind:?}; expected \"movie\" or \"show\" (a show goes when its last aired \
             episode was watched)"
        );
        section.error(place.clone(), text);
    }
    let place = section.location("watchlist_remove_from");
    let accounts = section.texts("watchlist_remove_from");
    for name in accounts.iter().flatten().filter(|name| !trackers.contains_key(*name)) {
        let known: Vec<String> = trackers.keys().cloned().collect();
        section.error(
            place.clone(),
            unknown_key_message("tracker", name, "`watchlist_remove_from` of [[routes]]", &known),
        );
    }
    if accounts.is_some() && kinds.is_empty() {
        let text = "`watchlist_remove_from` in [[routes]] has no effect without `watchlist_remove`; expected both, or neither";
        section.error(place, text.to_owned());
    }
    WatchlistRemoval {
        movies: kinds.iter().any(|kind| kind == "movie"),
        shows: kinds.iter().any(|kind| kind == "show"),
        accounts: accounts.unwrap_or_else(|| tracker.into_iter().map(str::to_owned).collect()),
    }
}

fn filters(section: &mut Section<'_>) -> Filters {
    let mut names = |only: &str, except: &str| NameFilter {
        only: section.texts(only).unwrap_or_default(),
        except: section.texts(except).unwrap_or_default(),
    };
    let servers = names("servers", "except_servers");
    let libraries = names("libraries", "except_libraries");
    let devices = names("devices", "except_devices");
    Filters {
        servers,
        libraries,
        devices,
        kinds: each(section, "kinds", |text| {
            Kind::parse(text).ok_or_else(|| "expected \"movie\" or \"episode\"".to_owned())
        }),
        paths: each(section, "paths", PathRule::parse),
        except_paths: each(section, "except_paths", PathRule::parse),
        except_editions: section.texts("except_editions").unwrap_or_default(),
    }
}

/// Reads each entry of a list, and complains of those that cannot be read.
fn each<T>(section: &mut Section<'_>, key: &str, read: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
    let place = section.location(key);
    let mut found = Vec::new();
    for text in section.texts(key).unwrap_or_default() {
        match read(&text) {
            Ok(value) => found.push(value),
            Err(reason) => {
                section.error(place.clone(), format!("`{key}` in [[routes]] has {text:?}: {reason}"));
            }
        }
    }
    found
}

/// The name of an account that there is.
fn account(
    section: &mut Section<'_>,
    key: &str,
    route: &Location,
    accounts: &BTreeMap<String, AccountConfig>,
) -> Option<String> {
    let place = section.location(key);
    let Some(name) = section.text(key) else {
        if place == Location::Nowhere {
            let text = format!("[[routes]] has no `{key}`; expected a name from [{key}s.…]");
            section.missing(key, route.clone(), text);
        }
        return None;
    };
    if !accounts.contains_key(&name) {
        let known: Vec<String> = accounts.keys().cloned().collect();
        section.error(place, unknown_key_message(key, &name, "[[routes]]", &known));
        return None;
    }
    Some(name)
}
