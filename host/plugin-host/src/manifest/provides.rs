//! `[provides]`: what a plugin exports, with the facts of each interface.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::template::Template;

/// The most events of one call.
pub(super) const MAX_BATCH_EVENTS: u32 = 200;

/// `[provides.*]`: one table per exported interface.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Provides {
    /// Reads webhooks.
    pub webhook: Option<WebhookFacts>,
    /// Can be listened to.
    pub realtime: Option<RealtimeFacts>,
    /// Gives a second look.
    pub enrich: Option<EnrichFacts>,
    /// Knows whose a message is.
    pub identify: Option<Empty>,
    /// Knows what was played before.
    pub server_history: Option<Empty>,
    /// Takes events.
    pub sink: Option<SinkFacts>,
    /// Takes many late events at once.
    pub sink_batch: Option<SinkBatchFacts>,
    /// Keeps a watchlist.
    pub watchlist: Option<WatchlistFacts>,
    /// Knows ids and pictures.
    pub metadata: Option<MetadataFacts>,
    /// Knows what has aired.
    pub airing: Option<Empty>,
    /// Knows episodes by the numbers of other orders.
    pub numbering: Option<Empty>,
    /// Can be tested.
    pub check: Option<Empty>,
    /// Logs in by code of its own.
    pub auth: Option<Empty>,
    /// Has its server send webhooks.
    pub webhook_registration: Option<Empty>,
    /// Shows notifications to people.
    pub notify: Option<Empty>,
}

impl Provides {
    /// The names of the interfaces, as the contract has them.
    pub fn names(&self) -> BTreeSet<String> {
        let Ok(serde_json::Value::Object(keys)) = serde_json::to_value(self) else { return BTreeSet::new() };
        keys.into_iter().filter(|(_, facts)| !facts.is_null()).map(|(name, _)| name).collect()
    }
}

/// An interface about which there is nothing more to say.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

/// `[provides.webhook]`
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WebhookFacts {
    /// Names under `/webhook/` and `/api/webhook/` that other programs have used for the same server, and that still stand in its settings.
    #[serde(default)]
    pub legacy_names: Vec<String>,
    /// Namespaces whose ids are numbers in the files for other programs, where others have written them so.
    #[serde(default)]
    pub numeric_ids: Vec<String>,
    /// How a person enters the address at the server, for where it cannot be done over its API; `{url}` stands for the address.
    #[serde(default)]
    pub instructions: String,
    /// The host sends this message to its own webhook address as a test. It reports no play. Absent if the plugin names no message.
    pub test: Option<TestMessage>,
}

/// A message that the host sends to itself in the server's place.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TestMessage {
    /// The `Content-Type`.
    pub content_type: String,
    /// The name of the part that carries it, for servers that send a multipart form; absent where the message is the whole body.
    pub part: Option<String>,
    /// The message.
    pub body: String,
}

impl TestMessage {
    /// The `Content-Type` and the body of the request.
    pub fn request(&self) -> (String, String) {
        const BOUNDARY: &str = "playrelay-test-message";
        let Self { content_type, part: Some(part), body } = self else {
            return (self.content_type.clone(), self.body.clone());
        };
        let form = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{part}\"\r\nContent-Type: {content_type}\r\n\r\n{body}\r\n\
             --{BOUNDARY}--\r\n"
        );
        (format!("multipart/form-data; boundary={BOUNDARY}"), form)
    }
}

/// `[provides.realtime]`
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RealtimeFacts {
    /// The server address that is listened to: `{settings.url}`, one of the origins of `[[network]]`.
    pub address: Template,
    /// Added to the query of the connection, and of nothing else: for servers that take no header there.
    #[serde(default)]
    pub query: BTreeMap<String, Template>,
}

/// `[provides.enrich]`
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct EnrichFacts {
    /// How long the host caches an answer. Seconds.
    #[serde(default = "day")]
    pub keep_seconds: u32,
    /// Whether it knows where the closing credits begin: then it is asked also where nothing else is missing.
    #[serde(default)]
    pub credits: bool,
    /// Whether it knows which episodes a file holds: then it is asked of each episode that plays.
    #[serde(default)]
    pub files: bool,
}

fn day() -> u32 {
    24 * 60 * 60
}

/// `[provides.sink]`
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SinkFacts {
    /// The actions it takes, by the names of `sink.wit`. Others are never sent to it.
    pub actions: BTreeSet<SinkAction>,
    /// Whether `unwatched` removes one play alone where `ext` has its `remote-id`: the one of the receipt of that play. `unwatched`
    /// with a `remote-id` is never sent to others, since they would remove all plays of the item.
    #[serde(default)]
    pub removes_plays: bool,
    /// The ratings that it takes.
    #[serde(default)]
    pub ratings: RatingFacts,
    /// Where it wants to hear again and again that something plays: not more often than this. Ms.
    pub heartbeat_ms: Option<u32>,
}

impl SinkFacts {
    /// The names of the presence actions that the sink does not list. Nobody misses them: a later one takes their place.
    pub fn untaken_presence(&self) -> Vec<&'static str> {
        let presence = [SinkAction::Playing, SinkAction::Paused, SinkAction::Stopped];
        let untaken = presence.into_iter().filter(|action| !self.actions.contains(action));
        untaken.map(SinkAction::name).collect()
    }
}

/// `[provides.sink-batch]`
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SinkBatchFacts {
    /// The most events of one call; 200 where it is not set, and at most.
    #[serde(default = "most_batch_events")]
    pub max_events: u32,
}

fn most_batch_events() -> u32 {
    MAX_BATCH_EVENTS
}

/// `[provides.sink] ratings`
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RatingFacts {
    /// The kinds of items that can be rated. Ratings of other kinds are never sent.
    #[serde(default = "all_levels")]
    pub levels: BTreeSet<Level>,
}

impl Default for RatingFacts {
    fn default() -> Self {
        Self { levels: all_levels() }
    }
}

fn all_levels() -> BTreeSet<Level> {
    BTreeSet::from([Level::Movie, Level::Show, Level::Season, Level::Episode])
}

/// A kind of item that can be rated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Level {
    Movie,
    Show,
    Season,
    Episode,
}

/// `[provides.watchlist]`
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WatchlistFacts {
    /// The namespaces of ids, in the order in which the file for other programs names what was taken off the list.
    #[serde(default)]
    pub export_ids: Vec<String>,
}

/// `[provides.metadata]`
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MetadataFacts {
    /// A movie with an id of one of these needs no catalogue: most trackers know it by that.
    pub movie_ids: Vec<String>,
    /// The same of a show, and of what belongs to it.
    pub show_ids: Vec<String>,
    /// Where its pictures lie: the host fetches them from nowhere else.
    #[serde(default)]
    pub picture_origins: Vec<Template>,
}

/// The name of a case of `sink.action`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "each is documented as a case of `sink.action` in wit/0.1/sink.wit")]
pub enum SinkAction {
    Playing,
    Paused,
    Stopped,
    Watched,
    Rated,
    Unrated,
    Unwatched,
}

impl SinkAction {
    /// The name, as manifests and the outbox write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Playing => "playing",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
            Self::Watched => "watched",
            Self::Rated => "rated",
            Self::Unrated => "unrated",
            Self::Unwatched => "unwatched",
        }
    }
}
