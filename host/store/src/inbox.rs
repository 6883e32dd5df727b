//! Inputs, their verdicts and timelines.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use playrelay_engine::code::Code;
use playrelay_engine::event::TrackerEvent;
use playrelay_engine::outbox::OutboxRow;
use playrelay_engine::play::{Play, PlayId};
use playrelay_engine::retention::RetentionRule;
use playrelay_engine::routing::UnroutedUser;
use playrelay_engine::timeline::{Outcome, Stage, Step, Verdict};
use playrelay_engine::transition::Rating;
use serde::Serialize;
use tokio::sync::Notify;

use crate::StoreError;

/// A request as it was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The source's name.
    pub source: String,
    /// When it happened, UTC.
    pub at: Timestamp,
    /// The request as JSON: a `WebhookRequest`.
    pub request: Vec<u8>,
    /// The person to whose own address it came; absent for an address of the source.
    pub person: Option<String>,
}

/// A request that waits to be worked on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxRow {
    /// Grows by time.
    pub id: i64,
    /// The input.
    pub received: Received,
}

/// Everything that working on a request has led to; stored as a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct ProcessedInput {
    /// The request.
    pub inbox: i64,
    /// When it was processed, UTC.
    pub at: Timestamp,
    /// Whether something came of the request after it had been settled.
    pub later: bool,
    /// How it ended; absent where it had ended before, and something came of it later.
    pub verdict: Option<Verdict>,
    /// The user, in words; absent if the input names nobody.
    pub user: Option<String>,
    /// The title, in words; absent if the input has none.
    pub item: Option<String>,
    /// The steps.
    pub steps: Vec<Step>,
    /// Plays that are new or different.
    pub plays: Vec<Play>,
    /// Ratings that are new.
    pub ratings: Vec<Rating>,
    /// Unrouted users.
    pub held: Vec<UnroutedUser>,
    /// Events for trackers.
    pub events: Vec<TrackerEvent>,
    /// Plays of imports that one of these plays is: a server knows more of it, and it takes their place.
    pub replaced: Vec<PlayId>,
}

/// A request in a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EventSummary {
    /// The request.
    pub id: i64,
    /// The source's name.
    pub source: String,
    /// When it was received, UTC.
    pub received_at: Timestamp,
    /// Who watches, as the server calls them; several with commas between them. Absent where nobody was named.
    pub user: Option<String>,
    /// What, in words; several with semicolons between them. Absent where it is about nothing.
    pub item: Option<String>,
    /// How it ended; absent while it is worked on.
    pub verdict: Option<Verdict>,
}

/// How many requests ended in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeCount {
    /// The outcome.
    pub outcome: Outcome,
    /// The code of the rule that decided.
    pub code: Code,
    /// How many.
    pub count: u32,
}

/// Which requests of a list are wanted. Texts are looked for anywhere, in any case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Those before this one.
    pub before: Option<i64>,
    /// Those of a source.
    pub source: Option<String>,
    /// Those of users with this in their name or id.
    pub user: Option<String>,
    /// Those about titles with this.
    pub title: Option<String>,
    /// Those that ended so: an outcome, or a code.
    pub outcome: Option<String>,
    /// Leave out those that said nothing new.
    pub without_repeats: bool,
    /// At most so many.
    pub limit: u32,
}

impl EventFilter {
    /// So many of the newest.
    pub fn newest(limit: u32) -> Self {
        Self { limit, ..Self::default() }
    }
}

/// A step with its time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TimelineRow {
    /// When it happened, UTC.
    pub at: Timestamp,
    /// The stage.
    pub stage: Stage,
    /// The code.
    pub code: Code,
    /// What, in words.
    pub text: String,
}

/// The whole story of a request.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EventDetail {
    /// The event, as a list shows it.
    #[serde(flatten)]
    pub summary: EventSummary,
    /// The steps, in order.
    pub timeline: Vec<TimelineRow>,
    /// The deliveries that it led to.
    pub outbox: Vec<OutboxRow>,
}

/// The inbox, as any node may use it.
///
/// # Errors
///
/// A write that fails leaves everything as it was.
#[async_trait]
pub trait InboxStore: Send + Sync {
    /// Stores a request. Durable when it returns.
    async fn receive(&self, received: Received) -> Result<i64, StoreError>;

    /// The same once: a key that was stored before gives the id of its request. A server keeps keys for a day; a file, which always answers, keeps none.
    async fn receive_once(&self, key: String, received: Received) -> Result<i64, StoreError>;

    /// A request as it was received.
    async fn request(&self, id: i64) -> Result<Option<InboxRow>, StoreError>;

    /// Up to `limit` requests of a source that were received since a time and before a request, the oldest first.
    async fn requests_before(
        &self,
        request: &InboxRow,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<InboxRow>, StoreError>;

    /// When the oldest request that still waits to be worked on was received, of each source that has one.
    async fn oldest_pending(&self) -> Result<BTreeMap<String, Timestamp>, StoreError>;

    /// The sources whose requests wait to be worked on, with how many there are.
    async fn pending_by_source(&self) -> Result<Vec<(String, u32)>, StoreError>;

    /// When a source was heard last, by a webhook or otherwise.
    async fn last_received(&self, source: &str) -> Result<Option<Timestamp>, StoreError>;

    /// Requests, the newest first.
    async fn events(&self, filter: &EventFilter) -> Result<Vec<EventSummary>, StoreError>;

    /// How many requests ended in each way since a time, the most frequent first.
    async fn count_codes(&self, since: Timestamp) -> Result<Vec<CodeCount>, StoreError>;

    /// The whole story of a request.
    async fn event(&self, id: i64) -> Result<Option<EventDetail>, StoreError>;
}

/// The inbox, as only the owner of its sources may use it.
///
/// # Errors
///
/// A write that fails leaves everything as it was.
#[async_trait]
pub trait InboxOwner: Send + Sync {
    /// The signal that this process gives after each request that it has stored for a source. Requests that other processes store change
    /// [`Store::changes`](crate::Store::changes).
    fn request_signal(&self, source: &str) -> Arc<Notify>;

    /// Requests of a source that wait to be worked on, from the oldest, after an id.
    async fn pending(&self, source: &str, after: i64, limit: u32) -> Result<Vec<InboxRow>, StoreError>;

    /// Stores what working on some requests has led to, all of it or nothing.
    ///
    /// Events go into the outbox by the rules of [`outbox_rules::add`](playrelay_engine::outbox_rules::add). A tracker gets one watch of
    /// a play: a second one is left out.
    async fn commit(&self, settlements: Vec<ProcessedInput>) -> Result<(), StoreError>;

    /// Deletes up to 1,000 inputs of each rule, with their timelines and deliveries, and cached answers of plugins that expired before
    /// `now`. Gives the number of deleted inputs: 0 when nothing is left to delete.
    async fn prune(&self, rules: Vec<RetentionRule>, now: Timestamp) -> Result<usize, StoreError>;
}
