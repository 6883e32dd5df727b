//! The set-up of CrossWatch: `config.json`, with `.cw_master_key` beside it where its secrets are encrypted.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use playrelay_plugin_host::manifest::part;
use playrelay_util::secret::Secret;
use serde_json::Value;

use crate::imports::setup::fernet;
use crate::imports::setup::sections::Sections;
use crate::imports::setup::set_up::{SavedLogin, SetUp, SetUpError};

/// The file with everything.
const FILE: &str = "config.json";
/// The file with the key of its secrets.
const KEY_FILE: &str = ".cw_master_key";
/// What an encrypted secret begins with.
const ENCRYPTED: &str = "enc:v1:";
/// Media servers, each with the name of the webhook address that every one of its kind shares.
const SERVERS: [(&str, &str); 3] =
    [("plex", "plextrakt"), ("jellyfin", "jellyfintrakt"), ("emby", "embytrakt")];
/// Trackers that there are plugins for.
const TRACKERS: [&str; 3] = ["trakt", "simkl", "mdblist"];
/// The instance that is meant where none is named.
const DEFAULT: &str = "default";

/// Reads the folder of a CrossWatch. `key` is that of its secrets, where it does not lie beside them.
///
/// # Errors
///
/// The file is missing or broken, or a secret cannot be opened.
pub fn read(folder: &Path, key: Option<Secret>) -> Result<SetUp, SetUpError> {
    let path = folder.join(FILE);
    let shown = path.display().to_string();
    let text = fs::read_to_string(&path).map_err(|error| SetUpError::File { path: shown.clone(), error })?;
    let mut config: Value = serde_json::from_str(&text)
        .map_err(|error| SetUpError::Form { path: shown, reason: format!("it is no JSON: {error}") })?;
    let key = key.or_else(|| fs::read_to_string(folder.join(KEY_FILE)).ok().map(Secret::new));
    let key = key.as_ref().map(fernet::key);
    decrypt(&mut config, key.as_ref(), "")?;
    let mut reader = Reader { config: &config, sections: Sections::default(), set_up: SetUp::default() };
    reader.read();
    let Reader { sections, mut set_up, .. } = reader;
    set_up.sections = sections.finish();
    Ok(set_up)
}

/// Opens all secrets in place.
fn decrypt(value: &mut Value, key: Option<&[u8; 32]>, place: &str) -> Result<(), SetUpError> {
    match value {
        Value::String(text) => {
            let Some(token) = text.strip_prefix(ENCRYPTED) else { return Ok(()) };
            let failed =
                |reason: &str| SetUpError::Key { place: place.to_owned(), reason: reason.to_owned() };
            let key = key.ok_or_else(|| failed("there is no key"))?;
            let opened = fernet::open(key, token).ok_or_else(|| failed("the key does not open it"))?;
            opened.expose().clone_into(text);
            Ok(())
        }
        Value::Array(items) => items.iter_mut().try_for_each(|item| decrypt(item, key, place)),
        Value::Object(fields) => fields.iter_mut().try_for_each(|(name, field)| {
            let place = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
            decrypt(field, key, &place)
        }),
        _ => Ok(()),
    }
}

/// A route between two instances.
struct Route<'a> {
    source: String,
    tracker: String,
    filters: &'a Value,
    options: &'a Value,
    ratings: bool,
}

struct Reader<'a> {
    config: &'a Value,
    sections: Sections,
    set_up: SetUp,
}

impl<'a> Reader<'a> {
    fn read(&mut self) {
        let mut sources = BTreeSet::new();
        for (provider, shared) in SERVERS {
            for (instance, account) in instances(self.config, provider) {
                if self.read_source(provider, shared, &instance, &account) {
                    sources.insert(name(provider, &instance));
                }
            }
        }
        let mut trackers = BTreeSet::new();
        for tracker in TRACKERS {
            for (instance, account) in instances(self.config, tracker) {
                if self.read_tracker(tracker, &instance, &account) {
                    trackers.insert(name(tracker, &instance));
                }
            }
        }
        self.read_rules();
        let mut seen = BTreeSet::new();
        for route in self.routes() {
            let is_new = seen.insert((route.source.clone(), route.tracker.clone()));
            match (sources.contains(&route.source), trackers.contains(&route.tracker)) {
                (true, true) if is_new => self.write_route(&route),
                (true, true) => {}
                _ => self.set_up.notes.push(format!(
                    "the route from {} to {} is left out: one of them is not logged in, or Playrelay has no plugin for it",
                    route.source, route.tracker
                )),
            }
        }
        if self.config["scrobble"]["delete_plex"] == true {
            let note = "watched titles went off Plex's watchlist; set `watchlist_remove` in the routes where you want that";
            self.set_up.notes.push(note.to_owned());
        }
    }

    /// A media server; false where it was never connected.
    fn read_source(&mut self, provider: &str, shared: &str, instance: &str, account: &Value) -> bool {
        let text = |key: &str| account[key].as_str().map(str::trim).filter(|text| !text.is_empty());
        let url = text("server_url").or_else(|| text("server"));
        // The account's own token also reads its watchlist; a friend's server knows only its own.
        let token = text("account_token").or_else(|| text("pms_token")).or_else(|| text("access_token"));
        if url.is_none() && token.is_none() {
            return false;
        }
        let name = name(provider, instance);
        self.sections.begin(&format!("[sources.{name}]"));
        self.sections.text("plugin", provider);
        if let Some(url) = url {
            self.sections.text("url", url);
            if account["verify_ssl"] == false && url.starts_with("https://") {
                self.sections.value("tls_insecure", true);
            }
        }
        if let Some(token) = token {
            self.set_up.settings.push((name.clone(), "token".to_owned(), Secret::new(token)));
        }
        let ids = &self.config["security"]["webhook_ids"];
        let own = ids[format!("profile:{provider}:{instance}")].as_str();
        let shared = ids[shared].as_str().filter(|_| instance == DEFAULT);
        match (shared, own) {
            (Some(token), _) | (None, Some(token)) => {
                self.set_up.webhook_tokens.push((name.clone(), Secret::new(token)));
            }
            (None, None) => {}
        }
        self.set_up.found.push(format!("source {name}"));
        true
    }

    /// A tracker; false where it was never logged in.
    fn read_tracker(&mut self, tracker: &'static str, instance: &str, account: &Value) -> bool {
        let text = |key: &str| account[key].as_str().map(str::trim).filter(|text| !text.is_empty());
        let (access, api_key) = (text("access_token"), text("api_key"));
        if access.is_none() && api_key.is_none() {
            return false;
        }
        let name = name(tracker, instance);
        self.sections.begin(&format!("[trackers.{name}]"));
        self.sections.text("plugin", tracker);
        if let Some(client_id) = text("client_id") {
            self.sections.text("client_id", client_id);
        } else if api_key.is_none() {
            self.sections.text("client_id", "");
            self.set_up.notes.push(format!(
                "{name} was logged in with an app of CrossWatch's own: make one of yours, put its id into `client_id` of [trackers.{name}], and log in again with `playrelay connect {name}`"
            ));
        }
        for key in ["client_secret", "api_key"] {
            if let Some(secret) = text(key) {
                self.set_up.settings.push((name.clone(), key.to_owned(), Secret::new(secret)));
            }
        }
        if let Some(access) = access {
            let mut parts = BTreeMap::from([(part::ACCESS.to_owned(), Secret::new(access))]);
            if let Some(refresh) = text("refresh_token") {
                parts.insert(part::REFRESH.to_owned(), Secret::new(refresh));
            }
            if let Some(expires) = account["expires_at"].as_i64().filter(|at| *at > 0) {
                parts.insert(part::EXPIRES.to_owned(), Secret::new(expires.to_string()));
            }
            self.set_up.logins.push(SavedLogin { account: name.clone(), plugin: tracker, parts });
        }
        self.set_up.found.push(format!("tracker {name}"));
        true
    }

    /// Numbers that count for all routes.
    fn read_rules(&mut self) {
        let scrobble = &self.config["scrobble"];
        let watched_at = scrobble["trakt"]["watched_at"].as_f64();
        let tolerance = scrobble["trakt"]["regress_tolerance_percent"].as_f64();
        let (debounce, suppress) = (
            scrobble["watch"]["pause_debounce_seconds"].as_u64(),
            scrobble["watch"]["suppress_start_at"].as_f64(),
        );
        self.sections.begin("[scrobble]");
        if let Some(percent) = watched_at.filter(|percent| (20.0..=100.0).contains(percent)) {
            self.sections.value("watched_at", percent);
        }
        if let Some(percent) = tolerance {
            self.sections.value("regress_tolerance", percent);
        }
        if let Some(seconds) = debounce {
            self.sections.text("pause_debounce", &format!("{seconds}s"));
        }
        if let Some(percent) = suppress {
            self.sections.value("suppress_start_at", percent);
        }
    }

    /// The routes of watchers, and those of webhooks.
    fn routes(&self) -> Vec<Route<'a>> {
        let scrobble = &self.config["scrobble"];
        let mut routes = Vec::new();
        for route in scrobble["watch"]["routes"].as_array().into_iter().flatten() {
            let text = |key: &str| route[key].as_str().filter(|text| !text.is_empty());
            let (Some(provider), Some(sink)) = (text("provider"), text("sink")) else { continue };
            if route["enabled"] == false {
                continue;
            }
            let ratings = &route["options"]["ratings"];
            let is_target =
                ratings["targets"].as_array().is_some_and(|targets| targets.iter().any(|it| it == sink));
            routes.push(Route {
                source: name(provider, text("provider_instance").unwrap_or(DEFAULT)),
                tracker: name(sink, text("sink_instance").unwrap_or(DEFAULT)),
                filters: &route["filters"],
                options: &route["options"],
                ratings: ratings["mode"] == "custom" && is_target
                    || provider == "plex" && scrobble["watch"][format!("plex_{sink}_ratings")] == true,
            });
        }
        let profiles = scrobble["webhook"]["profiles"].as_object();
        for (provider, instances) in profiles.into_iter().flatten() {
            for (instance, profile) in instances.as_object().into_iter().flatten() {
                if profile["enabled"] == false {
                    continue;
                }
                for sink in profile["sinks"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                    let sink_instance = profile["sink_instances"][sink].as_str().unwrap_or(DEFAULT);
                    routes.push(Route {
                        source: name(provider, instance),
                        tracker: name(sink, sink_instance),
                        filters: &profile[format!("filters_{provider}")],
                        options: &Value::Null,
                        ratings: profile[format!("plex_{sink}_ratings")] == true,
                    });
                }
            }
        }
        routes
    }

    fn write_route(&mut self, route: &Route<'_>) {
        let Route { source, tracker, filters, options, ratings } = route;
        let whitelist = |filters: &Value| texts(&filters["username_whitelist"]);
        let mut users = whitelist(filters);
        if users.is_empty() {
            users = whitelist(&self.config["scrobble"]["watch"]["filters"]);
        }
        if users.is_empty() {
            users = vec!["*".to_owned()];
            self.set_up.notes.push(format!(
                "the route from {source} to {tracker} named nobody, so it sends what everybody on the server watches; name people in its `users` where that is too much"
            ));
        }
        self.sections.begin("[[routes]]");
        self.sections.text("source", source);
        self.sections.text("tracker", tracker);
        self.sections.texts("users", &users);
        let mut servers = texts(&filters["server_uuid_whitelist"]);
        servers.extend(filters["server_uuid"].as_str().filter(|text| !text.is_empty()).map(str::to_owned));
        self.sections.texts("servers", &servers);
        self.sections.texts("except_servers", &texts(&filters["server_uuid_blacklist"]));
        if let Some(percent) =
            options["scrobble"]["watched_at"].as_f64().filter(|it| (20.0..=100.0).contains(it))
        {
            self.sections.value("watched_at", percent);
        }
        if *ratings {
            self.sections.value("ratings", true);
        }
        if options["auto_remove_watchlist"] == "on" {
            self.sections.value("watchlist_remove", true);
        }
        if !texts(&filters["libraries"]).is_empty() {
            self.set_up.notes.push(format!(
                "the route from {source} to {tracker} was for some libraries, by their numbers; put their names into `libraries` of the route"
            ));
        }
        self.set_up.found.push(format!("route from {source} to {tracker}"));
    }
}

/// The accounts of a provider: the block itself, and each further instance laid over it.
fn instances(config: &Value, provider: &str) -> Vec<(String, Value)> {
    let base = config[provider].as_object().cloned().unwrap_or_default();
    let further = base.get("instances").and_then(Value::as_object).cloned().unwrap_or_default();
    let mut all = vec![(DEFAULT.to_owned(), Value::Object(base.clone()))];
    for (instance, own) in further {
        let mut view = base.clone();
        view.extend(own.as_object().cloned().unwrap_or_default());
        all.push((instance, Value::Object(view)));
    }
    all
}

/// The name of an account.
fn name(provider: &str, instance: &str) -> String {
    let plain = |text: &str| -> String {
        let letter =
            |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
        text.chars().map(letter).collect()
    };
    match instance {
        DEFAULT => plain(provider),
        instance => format!("{}-{}", plain(provider), plain(instance)),
    }
}

/// A list of texts; a number counts as its text.
fn texts(value: &Value) -> Vec<String> {
    let text = |item: &Value| match item {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    value.as_array().into_iter().flatten().filter_map(text).filter(|text| !text.is_empty()).collect()
}
