//! Deliveries, and what is kept of removals from watchlists.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use playrelay_engine::outbox::{AttemptOutcome, DeliveryState, OutboxCommand, OutboxRow, OutboxSelection};
use tokio::sync::Notify;

use crate::{AccountPause, StoreError};

/// How it stands with what a tracker is to be told.
#[derive(Clone, Debug)]
pub struct OutboxStats {
    /// The last event that was delivered.
    pub last_delivered: Option<OutboxRow>,
    /// Events that wait.
    pub waiting: u32,
    /// Events that could not be delivered.
    pub dead: u32,
    /// Since when the oldest event that waits is to be sent, UTC; absent if none waits.
    pub oldest_waiting: Option<Timestamp>,
}

/// Which deliveries of a list are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Those before this one.
    pub before: Option<i64>,
    /// Those in one of these states; empty for all.
    pub states: Vec<DeliveryState>,
    /// Those of this tracker.
    pub tracker: Option<String>,
    /// At most so many.
    pub limit: u32,
}

/// Deliveries, as any node may use them. The rules are those of [`outbox_rules`](playrelay_engine::outbox_rules).
///
/// # Errors
///
/// A write that fails leaves everything as it was.
#[async_trait]
pub trait OutboxStore: Send + Sync {
    /// An event in the outbox.
    async fn outbox_row(&self, id: i64) -> Result<Option<OutboxRow>, StoreError>;

    /// Events in the outbox, the newest first; only those in a state where one is given.
    async fn outbox(&self, state: Option<DeliveryState>, limit: u32) -> Result<Vec<OutboxRow>, StoreError> {
        let states = state.into_iter().collect();
        self.deliveries(DeliveryFilter { states, limit, ..DeliveryFilter::default() }).await
    }

    /// Events in the outbox that fit, the newest first.
    async fn deliveries(&self, filter: DeliveryFilter) -> Result<Vec<OutboxRow>, StoreError>;

    /// The tracker's own id of what it was told, as its receipt has it; absent where it gave none.
    async fn remote_id(&self, delivery: i64) -> Result<Option<String>, StoreError>;

    /// The deliveries of plays or rated items, by the trackers and subjects of their events; by subject and tracker, the oldest first.
    async fn deliveries_of(
        &self,
        trackers: Vec<String>,
        subjects: Vec<String>,
    ) -> Result<Vec<OutboxRow>, StoreError>;

    /// How many deliveries are in one of these states. Quick for all states but [`Delivered`](DeliveryState::Delivered).
    async fn count_deliveries(&self, states: Vec<DeliveryState>) -> Result<u64, StoreError>;

    /// How it stands with what a tracker is to be told.
    async fn outbox_stats(&self, tracker: &str) -> Result<OutboxStats, StoreError>;

    /// Does with events what a person says, with a step on the timeline of each. Gives how many there were; those that were
    /// delivered, or superseded, are left alone.
    async fn apply_command(
        &self,
        selection: OutboxSelection,
        command: OutboxCommand,
        at: Timestamp,
    ) -> Result<usize, StoreError>;

    /// Removals from watchlists: their keys in the log and when, the oldest first.
    async fn removals(&self) -> Result<Vec<(String, Timestamp)>, StoreError>;
}

/// Deliveries, as only the owner of their tracker accounts may use them.
///
/// # Errors
///
/// A write that fails leaves everything as it was.
#[async_trait]
pub trait OutboxOwner: Send + Sync {
    /// The signal that this process gives after each event that follows for a tracker from a request or an attempt. What else may make a
    /// delivery due changes [`Store::changes`](crate::Store::changes).
    fn delivery_signal(&self, tracker: &str) -> Arc<Notify>;

    /// The first event for a tracker that may be sent now: due, and the first of its subject.
    async fn next_due(&self, tracker: &str, now: Timestamp) -> Result<Option<OutboxRow>, StoreError>;

    /// The events that could be sent in one request: due, and each the first of its subject; the oldest first. With `with_postponed` also those
    /// that wait after a failure, as after an outage.
    async fn due_together(
        &self,
        tracker: &str,
        now: Timestamp,
        with_postponed: bool,
        limit: u32,
    ) -> Result<Vec<OutboxRow>, StoreError>;

    /// When the next event for a tracker becomes due.
    async fn next_due_at(&self, tracker: &str) -> Result<Option<Timestamp>, StoreError>;

    /// Says that an event is about to be sent. Should nothing be heard of the attempt, it may have been applied. False where the event does
    /// not wait any more, and must not be sent.
    async fn begin_attempt(&self, row: &OutboxRow) -> Result<bool, StoreError>;

    /// Makes everything that waits for a tracker after a failure due: it is reachable again.
    async fn make_due(&self, tracker: &str, now: Timestamp) -> Result<(), StoreError>;

    /// Stores what became of an attempt, with a step on the timeline, and how the account stands after it.
    async fn record_attempt(
        &self,
        row: &OutboxRow,
        attempt: AttemptOutcome,
        parked: Option<AccountPause>,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Notes what was taken off a watchlist.
    async fn record_removal(&self, key: String, at: Timestamp) -> Result<(), StoreError>;
}
