//! What must not be forgotten.
//!
//! [`Store`] is all that the rest of the house knows of a database. Its operations are whole: each is one transaction,
//! durable when it returns, so a second implementation has no more to promise than the first.

pub mod sqlite;
pub mod vault;
pub mod watermarks;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use playrelay_engine::event::Receipt;
use playrelay_engine::event::TrackerEvent;
use playrelay_engine::model::{Item, Playback};
use playrelay_engine::people::{Decision, Person};
use playrelay_engine::play::{Play, Viewer};
use playrelay_engine::routing::Held;
use playrelay_engine::session::Rating;
use playrelay_engine::verdict::{Step, Verdict};
use serde::{Deserialize, Serialize};

/// Why something could not be stored or read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused.
    #[error("the database at {path} failed: {reason}")]
    Database {
        /// Its file.
        path: String,
        /// What it said.
        reason: String,
    },
    /// More is waiting to be written than is sound.
    #[error("too much is waiting to be stored")]
    Busy,
    /// It cannot be written down at all.
    #[error("it cannot be written down: {0}")]
    Unwritable(String),
    /// It has been closed.
    #[error("the database is closed")]
    Closed,
}

/// A request as it was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The source's name.
    pub source: String,
    /// When.
    pub at: Timestamp,
    /// The request as JSON: a `WebhookRequest`.
    pub request: Vec<u8>,
}

/// A request that waits to be worked on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxRow {
    /// Grows by time.
    pub id: i64,
    /// What was received.
    pub received: Received,
}

/// Everything that working on a request has led to; stored as a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Settlement {
    /// The request.
    pub inbox: i64,
    /// When it was worked on.
    pub at: Timestamp,
    /// Whether something came of the request after it had been settled.
    pub later: bool,
    /// How it ended; absent where it had ended before, and something came of it later.
    pub verdict: Option<Verdict>,
    /// Whom it is about, in words; absent where it names nobody.
    pub user: Option<String>,
    /// What it is about, in words.
    pub item: Option<String>,
    /// How it got there.
    pub steps: Vec<Step>,
    /// Plays that are new or different.
    pub plays: Vec<Play>,
    /// Ratings that are new.
    pub ratings: Vec<Rating>,
    /// Users whom no route names.
    pub held: Vec<Held>,
    /// Events for trackers.
    pub events: Vec<TrackerEvent>,
}

/// What has become of an event for a tracker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// It is still to be sent.
    Waiting,
    /// The tracker took it.
    Delivered,
    /// The tracker had it.
    Duplicate,
    /// The tracker knows no such item.
    Unmatched,
    /// The tracker has no such action.
    Unsupported,
    /// A newer one has taken its place, or it is no longer true.
    Superseded,
    /// It is not clear what it is about; a person has to say.
    Held,
    /// There was nothing to do.
    Skipped,
    /// Somebody has said that it is not to be sent.
    Dropped,
    /// It can never be sent, or could not for too long. Kept.
    Dead,
}

impl DeliveryState {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Waiting,
        Self::Delivered,
        Self::Duplicate,
        Self::Unmatched,
        Self::Unsupported,
        Self::Superseded,
        Self::Held,
        Self::Skipped,
        Self::Dropped,
        Self::Dead,
    ];

    /// The name, as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Duplicate => "duplicate",
            Self::Unmatched => "unmatched",
            Self::Unsupported => "unsupported",
            Self::Superseded => "superseded",
            Self::Held => "held",
            Self::Skipped => "skipped",
            Self::Dropped => "dropped",
            Self::Dead => "dead",
        }
    }
}

/// An event in the outbox.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutboxRow {
    /// Grows by time; also the event's idempotency key.
    pub id: i64,
    /// The request that led to it.
    pub inbox: i64,
    /// Whether it came of that request later: a play fell silent, or its user was assigned.
    pub later: bool,
    /// What is to be told.
    #[serde(flatten)]
    pub event: TrackerEvent,
    /// What has become of it.
    pub state: DeliveryState,
    /// Attempts so far.
    pub attempts: u32,
    /// Whether an attempt may have been applied without an answer.
    pub uncertain: bool,
    /// Since when it is to be told: when it was put there, or a person has said that it is to be tried again.
    pub since: Timestamp,
    /// When it is tried next, while it waits.
    pub next_at: Timestamp,
    /// What happened last, in words.
    pub note: Option<String>,
}

/// What a person says of events in the outbox.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Send them once more, now.
    Retry,
    /// Never send them.
    Drop,
    /// It is about another item than was thought: send it once more, now.
    Match(Box<Item>),
}

/// Which events in the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// This one.
    One(i64),
    /// All that are dead, or of which the tracker knows no item; those of one tracker where it is named.
    AllFailed,
    /// All that wait after a failure.
    AllWaiting,
}

/// What became of one attempt to deliver.
#[derive(Clone, Debug, PartialEq)]
pub enum Attempt {
    /// It is settled.
    Settled {
        /// How.
        state: DeliveryState,
        /// In words.
        note: String,
        /// The tracker's answer.
        receipt: Option<Receipt>,
    },
    /// It stays in the outbox.
    Postponed {
        /// Until when.
        next_at: Timestamp,
        /// Why.
        note: String,
        /// Whether it may have been applied.
        uncertain: bool,
    },
}

/// Why an account is left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Parked {
    /// Until a time: the tracker is down, or a quota is used up.
    Until {
        /// When to try again.
        until: Timestamp,
        /// Why.
        reason: String,
        /// Failures in a row, from which the next pause is worked out.
        failures: u32,
    },
    /// Until somebody logs in.
    Login {
        /// Why.
        reason: String,
    },
    /// Until a person has dealt with it; tried again once an hour.
    Blocked {
        /// When to try again.
        until: Timestamp,
        /// Why.
        reason: String,
    },
}

/// A request in a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EventSummary {
    /// The request.
    pub id: i64,
    /// The source's name.
    pub source: String,
    /// When it was received.
    pub received_at: Timestamp,
    /// Who watches, as the server calls them; several with commas between them. Absent where nobody was named.
    pub user: Option<String>,
    /// What, in words; several with semicolons between them. Absent where it is about nothing.
    pub item: Option<String>,
    /// How it ended; absent while it is worked on.
    pub verdict: Option<Verdict>,
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
    /// When.
    pub at: Timestamp,
    /// Where: a [`Stage`](playrelay_engine::verdict::Stage).
    pub stage: String,
    /// What, stable.
    pub code: String,
    /// What, in words.
    pub text: String,
}

/// The whole story of a request.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EventStory {
    /// Its head.
    #[serde(flatten)]
    pub summary: EventSummary,
    /// Its steps, in order.
    pub timeline: Vec<TimelineRow>,
    /// What it led to.
    pub outbox: Vec<OutboxRow>,
}

/// A shared store.
pub type SharedStore = Arc<dyn Store>;

/// How it stands with what a tracker is to be told.
#[derive(Clone, Debug)]
pub struct Told {
    /// The last event that was delivered.
    pub last_delivered: Option<OutboxRow>,
    /// Events that wait.
    pub waiting: u32,
    /// Events that could not be delivered.
    pub dead: u32,
}

/// A person's consent to a plugin: to these bytes, asking for these permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The plugin's id.
    pub id: String,
    /// Of the component.
    pub digest: String,
    /// Of what it asks for.
    pub permissions: String,
}

/// The requests that an account sent on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaUsage {
    /// The day: `2026-11-21`.
    pub day: String,
    /// Requests sent on it.
    pub used: u32,
    /// Requests allowed on a day, as far as is known.
    pub allowed: u32,
}

/// Small values of owners: a plugin and an account of it, or the host.
#[async_trait]
pub trait KeyValueStore: Send + Sync {
    /// The value of a key that has not expired.
    async fn get(&self, owner: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Stores a value, for `ttl_s` seconds where given. `Ok(false)` where the owner would have more than 1,000 keys, or 256 KiB.
    async fn set(
        &self,
        owner: &str,
        key: &str,
        value: Vec<u8>,
        ttl_s: Option<u32>,
    ) -> Result<bool, StoreError>;

    /// Forgets a key.
    async fn delete(&self, owner: &str, key: &str) -> Result<(), StoreError>;
}

/// How much of their daily quotas accounts have used.
#[async_trait]
pub trait QuotaStore: Send + Sync {
    /// What an account has used.
    async fn quota_usage(&self, account: &str) -> Result<Option<QuotaUsage>, StoreError>;

    /// Keeps it. Durable when it returns.
    async fn keep_quota_usage(&self, account: &str, usage: QuotaUsage) -> Result<(), StoreError>;
}

/// The database.
#[async_trait]
pub trait Store: KeyValueStore + QuotaStore + Send + Sync {
    /// Stores a request. Durable when it returns.
    async fn receive(&self, received: Received) -> Result<i64, StoreError>;

    /// Requests of a source that wait to be worked on, from the oldest, after an id.
    async fn pending(&self, source: &str, after: i64, limit: u32) -> Result<Vec<InboxRow>, StoreError>;

    /// Stores what working on some requests has led to, all of it or nothing.
    ///
    /// An event supersedes waiting presence of the same subject at the same tracker; a second watch of one play for one
    /// tracker is left out, and so is word of playing that only takes a pause back of which the tracker never heard.
    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), StoreError>;

    /// Plays that are going on, and those that ended since a time.
    async fn plays_since(&self, since: Timestamp) -> Result<Vec<Play>, StoreError>;

    /// Plays on a server within two days of a time.
    async fn plays_around(&self, server: &str, at: Timestamp) -> Result<Vec<Play>, StoreError>;

    /// Plays of an item of a server, by whomever: the item by the server's own key for it.
    async fn plays_of_item(&self, server: &str, item: &str) -> Result<Vec<Play>, StoreError>;

    /// What a row of a server's history may speak of, of plays that may be forgotten in memory: those around it, and those of its item.
    async fn plays_for(&self, row: &Playback) -> Result<Vec<Play>, StoreError> {
        let mut plays = self.plays_around(&row.server.id, row.at).await?;
        if let Some(item) = &row.item.server_ref {
            plays.extend(self.plays_of_item(&row.server.id, item).await?);
        }
        Ok(plays)
    }

    /// The plays of one viewer that ended and are held, the oldest first, and the ratings.
    async fn held_of(&self, viewer: &Viewer) -> Result<(Vec<Play>, Vec<Rating>), StoreError>;

    /// Ratings since a time.
    async fn ratings_since(&self, since: Timestamp) -> Result<Vec<Rating>, StoreError>;

    /// Users whom no route named when they were seen, and what was said of them.
    async fn people(&self) -> Result<Vec<Person>, StoreError>;

    /// Says what is to become of somebody's plays. False where they are not in the list.
    async fn decide(&self, source: &str, viewer: &Viewer, decision: Decision) -> Result<bool, StoreError>;

    /// When the oldest request that still waits to be worked on was received, of each source that has one.
    async fn oldest_pending(&self) -> Result<BTreeMap<String, Timestamp>, StoreError>;

    /// A number that is another one after each change of the list of people.
    async fn people_version(&self) -> Result<i64, StoreError>;

    /// The sources whose requests wait to be worked on, with how many there are.
    async fn waiting(&self) -> Result<Vec<(String, u32)>, StoreError>;

    /// A request as it was received.
    async fn request(&self, id: i64) -> Result<Option<InboxRow>, StoreError>;

    /// Up to `limit` requests of a source that were received since a time and before a request, the oldest first.
    async fn requests_before(
        &self,
        request: &InboxRow,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<InboxRow>, StoreError>;

    /// The first event for a tracker that may be sent now: due, and the first of its subject.
    async fn next_due(&self, tracker: &str, now: Timestamp) -> Result<Option<OutboxRow>, StoreError>;

    /// When the next event for a tracker becomes due.
    async fn next_time(&self, tracker: &str) -> Result<Option<Timestamp>, StoreError>;

    /// Says that an event is about to be sent. Should nothing be heard of the attempt, it may have been applied.
    async fn attempting(&self, row: &OutboxRow) -> Result<(), StoreError>;

    /// Makes everything that waits for a tracker after a failure due: it is reachable again.
    async fn wake(&self, tracker: &str, now: Timestamp) -> Result<(), StoreError>;

    /// Stores what became of an attempt, with a step on the timeline, and how the account stands after it.
    async fn attempted(
        &self,
        row: &OutboxRow,
        attempt: Attempt,
        parked: Option<Parked>,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// An event in the outbox.
    async fn outbox_row(&self, id: i64) -> Result<Option<OutboxRow>, StoreError>;

    /// Does with events what a person says, with a step on the timeline of each. Gives how many there were; those that were
    /// delivered, or superseded, are left alone.
    async fn command(
        &self,
        selection: Selection,
        command: Command,
        at: Timestamp,
    ) -> Result<usize, StoreError>;

    /// What was taken off watchlists: keys of the ledger and when, the oldest first.
    async fn removals(&self) -> Result<Vec<(String, Timestamp)>, StoreError>;

    /// Notes what was taken off a watchlist.
    async fn removed(&self, key: String, at: Timestamp) -> Result<(), StoreError>;

    /// Events in the outbox, the newest first; only those in a state where one is given.
    async fn outbox(&self, state: Option<DeliveryState>, limit: u32) -> Result<Vec<OutboxRow>, StoreError>;

    /// Why an account is left alone; absent where it is not.
    async fn parked(&self, account: &str) -> Result<Option<Parked>, StoreError>;

    /// Says how an account stands.
    async fn park(&self, account: &str, parked: Option<Parked>) -> Result<(), StoreError>;

    /// The sealed secrets under a name.
    async fn sealed(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Whether any secrets are sealed.
    async fn has_sealed(&self) -> Result<bool, StoreError>;

    /// Stores sealed secrets under a name. Durable when it returns.
    async fn seal(&self, name: &str, sealed: Vec<u8>) -> Result<(), StoreError>;

    /// The same where there are none yet; false where there are.
    async fn seal_new(&self, name: &str, sealed: Vec<u8>) -> Result<bool, StoreError>;

    /// Forgets the sealed secrets under a name.
    async fn unseal(&self, name: &str) -> Result<(), StoreError>;

    /// What a source's server said of an item before, where it is still good.
    async fn looked_up(&self, source: &str, item: &str, now: Timestamp) -> Result<Option<Item>, StoreError>;

    /// Keeps what a source's server said of an item.
    async fn keep_look_up(
        &self,
        source: &str,
        item: &str,
        found: &Item,
        until: Timestamp,
    ) -> Result<(), StoreError>;

    /// When a source was heard last, by a webhook or otherwise.
    async fn last_received(&self, source: &str) -> Result<Option<Timestamp>, StoreError>;

    /// How it stands with what a tracker is to be told.
    async fn told(&self, tracker: &str) -> Result<Told, StoreError>;

    /// Requests, the newest first.
    async fn events(&self, filter: &EventFilter) -> Result<Vec<EventSummary>, StoreError>;

    /// Whether what is to be stored is stored now: by what became of the last write, or by one more where that failed.
    async fn is_writable(&self) -> Result<(), StoreError>;

    /// The whole story of a request.
    async fn event(&self, id: i64) -> Result<Option<EventStory>, StoreError>;

    /// Forgets up to 2,000 requests that were settled before a time and of which nothing waits or is dead, with their stories, and
    /// kept answers that have expired. Those that said nothing new go earlier: servers that tell of progress send one a
    /// second. Plays stay. Gives the number of requests that were forgotten.
    async fn prune(
        &self,
        before: Timestamp,
        repeats_before: Timestamp,
        now: Timestamp,
    ) -> Result<usize, StoreError>;

    /// The approvals of plugins.
    async fn approvals(&self) -> Result<Vec<Approval>, StoreError>;

    /// Stores an approval, in place of an older one of the same plugin, with what was shown, as JSON.
    async fn approve(&self, approval: Approval, shown: String, at: Timestamp) -> Result<(), StoreError>;

    /// What was shown when a plugin was approved; absent where it was not, or by an older program.
    async fn shown_at_approval(&self, id: &str) -> Result<Option<String>, StoreError>;

    /// Takes an approval back. False if the plugin was not approved.
    async fn revoke(&self, id: &str) -> Result<bool, StoreError>;

    /// The random name of this installation, made up with the database.
    async fn installation(&self) -> Result<String, StoreError>;
}
