//! `playrelay.toml`: what the user wants.
//!
//! Every key can also be set by an environment variable (`PLAYRELAY__SERVER__LISTEN`), or by one that names a file with
//! the value (`PLAYRELAY__TRACKERS__BOB__CLIENT_SECRET_FILE`). All that is wrong is found at once, and each complaint
//! says where, what was found, and what is allowed.

mod document;
mod route;
mod section;
mod settings;
pub mod source;
mod warn;

use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use document::{ConfigError, Location, SpannedValue};
use playrelay_engine::policy::{Heartbeat, Policy};
use playrelay_engine::routing::route::Route;
use playrelay_plugin_host::artifact::Digest;
use playrelay_plugin_host::http::Origin;
use playrelay_util::secret::Secret;
pub use section::unknown_key_message;
use section::{Section, is_near};
pub use settings::{RoleRequirements, settings};

/// Where the configuration is looked for.
pub const DEFAULT_FILE: &str = "playrelay.toml";

/// What is older cannot be sent as live: its time would be wrong, and it would not be found again in a history.
const MAX_LIVE_AGE: Duration = Duration::from_secs(90);

/// Letters of a webhook's token.
const MIN_TOKEN_LEN: usize = 8;
/// Letters of the password: it is chosen by people, and tried by strangers.
const SHORTEST_PASSWORD: usize = 12;
/// The least that webhooks may send. Bytes.
const MIN_MAX_BODY: usize = 64 << 10;
/// The least time that stories are kept.
const MIN_RETENTION: Duration = Duration::from_secs(60 * 60);

/// Everything.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where it was read from.
    pub file: Option<PathBuf>,
    /// Of its text.
    pub digest: Option<Digest>,
    /// Whether anything is configured: there is a file, or a variable sets a key.
    pub is_there: bool,
    /// What can work, and is probably not what was meant.
    pub warnings: Vec<ConfigError>,
    /// `[server]`
    pub server: Server,
    /// `[plugins] dir`; below the data folder where it is not set.
    pub plugin_dir: PathBuf,
    /// Whether it was set.
    pub has_plugin_dir: bool,
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
    /// `[[routes]]`
    pub routes: Vec<Route>,
}

impl Config {
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

/// `[server]`
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// How media servers reach us, for the addresses that we show.
    pub public_url: Option<String>,
    /// The largest request. Bytes.
    pub max_body: usize,
    /// How long requests and their stories are kept. Plays are kept for good.
    pub keep_events: Duration,
    /// What opens the API to others than this machine.
    pub admin_password: Option<Secret>,
}

/// `[delivery]`
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// A watch that is older than this is entered into the tracker's history with its own time.
    pub late_after: Duration,
    /// The pause after a first failure.
    pub retry_first: Duration,
    /// The longest pause.
    pub retry_longest: Duration,
}

/// A source or tracker, before its plugin has been asked what its settings mean.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountConfig {
    /// The plugin's id.
    pub plugin: String,
    /// Where that is said.
    pub place: Location,
    /// What is said of a source beside its plugin's settings; the defaults for others.
    pub source: source::SourceOptions,
    /// Everything else.
    pub settings: BTreeMap<String, SpannedValue>,
}

/// Reads the configuration: that of a file, or the default one where there is one. Without either it is the defaults.
pub fn load(file: Option<&Path>) -> Result<Config, Vec<ConfigError>> {
    // Variables that are not text are none of ours: a name of ours is ASCII, and so is its value's file or key.
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let path = file.unwrap_or(Path::new(DEFAULT_FILE));
    match std::fs::read_to_string(path) {
        Ok(text) => parse(Some((path, &text)), environment),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && path == Path::new(DEFAULT_FILE) => {
            // It may be written while the daemon runs.
            parse(None, environment).map(|config| Config { file: Some(path.to_owned()), ..config })
        }
        Err(error) => {
            let text = format!("the file cannot be read: {error}");
            Err(vec![ConfigError { place: Location::Line(path.display().to_string(), 1), text }])
        }
    }
}

/// What tells a file's text from another; absent where there is none.
pub fn text_digest(file: &Path) -> Option<Digest> {
    let text = std::fs::read(file).ok().filter(|text| !text.is_empty())?;
    Some(Digest::of(&text))
}

/// Reads a configuration from text and variables.
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
    const SECTIONS: [&str; 8] =
        ["server", "plugins", "scrobble", "delivery", "sources", "trackers", "catalogues", "routes"];
    let known = SECTIONS.map(str::to_owned);
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
    let (scrobble, delivery) = (sections.table("scrobble"), sections.table("delivery"));
    let (sources, trackers) = (sections.table("sources"), sections.table("trackers"));
    let catalogues = sections.table("catalogues");
    let routes = sections.take("routes");
    sections.finish();

    let server = read_server(server, problems);
    let mut section = Section::new("[plugins]", plugins, problems);
    let has_plugin_dir = section.location("dir") != Location::Nowhere;
    let plugin_dir = section.text("dir").map_or_else(|| server.data_dir.join("plugins"), PathBuf::from);
    section.finish();
    let mut warnings = Vec::new();
    let mut section = Section::new("[scrobble]", scrobble, problems);
    let scrobble = read_policy(&mut section, &Policy::default());
    section.finish();
    let delivery = read_delivery(delivery, problems);
    let sources = read_accounts("sources", sources, problems);
    check_tokens(&sources, problems);
    let trackers = read_accounts("trackers", trackers, problems);
    let catalogues = read_accounts("catalogues", catalogues, problems);
    let taken = |name: &str| sources.contains_key(name) || trackers.contains_key(name);
    let doubles = trackers.iter().filter(|(name, _)| sources.contains_key(*name));
    for (name, account) in doubles.chain(catalogues.iter().filter(|(name, _)| taken(name))) {
        let text =
            format!("{name:?} names two accounts; expected a name for each source, tracker and catalogue");
        problems.push(ConfigError { place: account.place.clone(), text });
    }
    let routes = route::read(routes, &sources, &trackers, &scrobble, problems, &mut warnings);
    warn::of_accounts(&sources, &trackers, &routes, &mut warnings);
    warnings.sort();
    Config {
        file: None,
        digest: None,
        is_there: false,
        warnings,
        server,
        plugin_dir,
        has_plugin_dir,
        scrobble,
        delivery,
        sources,
        trackers,
        catalogues,
        routes,
    }
}

fn read_server(keys: BTreeMap<String, SpannedValue>, problems: &mut Vec<ConfigError>) -> Server {
    let mut section = Section::new("[server]", keys, problems);
    let place = section.location("listen");
    let listen = section.text("listen").unwrap_or_else(|| "0.0.0.0:8787".to_owned());
    let address = listen.parse().unwrap_or_else(|_| {
        let text =
            format!("`listen` in [server] is {listen:?}; expected an IP address and a port, \"127.0.0.1:8787\" or \"0.0.0.0:8787\"");
        section.error(place, text);
        SocketAddr::from(([0, 0, 0, 0], 8787))
    });
    let data_dir = section.text("data_dir").map_or_else(|| PathBuf::from("playrelay-data"), PathBuf::from);
    let place = section.location("public_url");
    let public_url = section.text("public_url").map(|url| url.trim_end_matches('/').to_owned());
    if let Some(url) = &public_url
        && (Origin::parse(url).is_err() || url.contains('?'))
    {
        let text = "`public_url` in [server] is no address; expected one that begins with http:// or https:// and has neither a \
                    password nor a query, \"http://192.168.1.5:8787\"";
        section.error(place, text.to_owned());
    }
    let place = section.location("max_body");
    let max_body =
        section.size("max_body").map_or(10 << 20, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    if max_body < MIN_MAX_BODY {
        let text = format!(
            "`max_body` in [server] is too small; expected at least {MIN_MAX_BODY} bytes, since webhooks carry pictures"
        );
        section.error(place, text);
    }
    let place = section.location("keep_events");
    let keep_events = section.duration("keep_events").unwrap_or(Duration::from_secs(90 * 24 * 60 * 60));
    if keep_events < MIN_RETENTION {
        let text = "`keep_events` in [server] is too short; expected at least \"1h\", since stories are made of them";
        section.error(place, text.to_owned());
    }
    let place = section.location("admin_password");
    let admin_password = section.text("admin_password").map(Secret::new);
    if admin_password.as_ref().is_some_and(|password| password.expose().trim().len() < SHORTEST_PASSWORD) {
        let text = format!(
            "`admin_password` in [server] is too short; expected {SHORTEST_PASSWORD} letters or more, or no such key"
        );
        section.error(place, text);
    }
    section.finish();
    Server { listen: address, data_dir, public_url, max_body, keep_events, admin_password }
}

fn read_delivery(keys: BTreeMap<String, SpannedValue>, problems: &mut Vec<ConfigError>) -> Delivery {
    let mut section = Section::new("[delivery]", keys, problems);
    let place = section.location("late_after");
    let late_after = section.duration("late_after").unwrap_or(Duration::from_secs(60));
    if late_after > MAX_LIVE_AGE {
        let text = "`late_after` in [delivery] is too long; expected at most \"90s\", since trackers enter what is live with \
                    their own time";
        section.error(place, text.to_owned());
    }
    let place = section.location("retry_first");
    let retry_first = section.duration("retry_first").unwrap_or(Duration::from_secs(2));
    if retry_first.is_zero() {
        let text = "`retry_first` in [delivery] is 0; expected a pause such as \"2s\": without one a tracker would be asked all the time";
        section.error(place, text.to_owned());
    }
    let delivery = Delivery {
        late_after,
        retry_first,
        retry_longest: section.duration("retry_longest").unwrap_or(Duration::from_secs(15 * 60)),
    };
    section.finish();
    delivery
}

/// The keys of `[scrobble]` that a route may set for itself: those that decide what its tracker is told.
fn read_route_policy(section: &mut Section<'_>, default: &Policy) -> Policy {
    Policy {
        watched_threshold: section.threshold("watched_at").unwrap_or(default.watched_threshold),
        credits: section.boolean("credits").unwrap_or(default.credits),
        credits_grace: section.duration("credits_grace").unwrap_or(default.credits_grace),
        min_watched_with_unknown_runtime: section
            .duration("min_watched_with_unknown_runtime")
            .unwrap_or(default.min_watched_with_unknown_runtime),
        pause_debounce: section.duration("pause_debounce").unwrap_or(default.pause_debounce),
        suppress_start_at: section.threshold("suppress_start_at").unwrap_or(default.suppress_start_at),
        live_tv: section.boolean("live_tv").unwrap_or(default.live_tv),
        recordings: section.boolean("recordings").unwrap_or(default.recordings),
        extras: section.boolean("extras").unwrap_or(default.extras),
        heartbeat: read_heartbeat(section).unwrap_or(default.heartbeat),
        ..default.clone()
    }
}

/// `heartbeat`: false, or an interval. Absent where nothing is said.
fn read_heartbeat(section: &mut Section<'_>) -> Option<Heartbeat> {
    let place = section.location("heartbeat");
    match section.flag_or_duration("heartbeat")? {
        Ok(true) => Some(Heartbeat::AsOften),
        Ok(false) => Some(Heartbeat::Off),
        Err(interval) if interval.is_zero() => {
            section
                .error(place, "`heartbeat` is 0; expected an interval such as \"5m\", or false".to_owned());
            None
        }
        Err(interval) => Some(Heartbeat::Every(interval)),
    }
}

/// The keys of `[scrobble]`.
fn read_policy(section: &mut Section<'_>, default: &Policy) -> Policy {
    let for_routes = read_route_policy(section, default);
    Policy {
        min_duration: section.duration("min_duration").unwrap_or(default.min_duration),
        regress_tolerance: section.percent("regress_tolerance").unwrap_or(default.regress_tolerance),
        stale_after: section.duration("stale_after").unwrap_or(default.stale_after),
        offline_keep: section.duration("offline_keep").unwrap_or(default.offline_keep),
        ..for_routes
    }
}

fn read_accounts(
    kind: &str,
    keys: BTreeMap<String, SpannedValue>,
    problems: &mut Vec<ConfigError>,
) -> BTreeMap<String, AccountConfig> {
    let mut accounts = BTreeMap::new();
    for (name, node) in keys {
        let document::Value::Table(table) = node.value else {
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
        let source = match kind {
            "sources" => source::read(&mut section, &within),
            _ => source::SourceOptions::default(),
        };
        let settings = section.remaining_keys();
        accounts.insert(name, AccountConfig { plugin, place, source, settings });
    }
    accounts
}

/// A token that can be guessed, or that opens two doors, is none.
fn check_tokens(sources: &BTreeMap<String, AccountConfig>, problems: &mut Vec<ConfigError>) {
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
