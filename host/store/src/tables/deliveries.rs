//! Deliveries, as the store's traits offer them.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use playrelay_engine::outbox::{AttemptOutcome, DeliveryState, OutboxCommand, OutboxRow, OutboxSelection};
use tokio::sync::Notify;

use crate::sql::{Connection, params};
use crate::sql_store::SqlStore;
use crate::tables::rows::time;
use crate::tables::{accounts, outbox, outbox_commands};
use crate::{AccountPause, DeliveryFilter, OutboxOwner, OutboxStats, OutboxStore, Store, StoreError};

/// Entries of the log of removals: as many as the file for other programs has had.
const MAX_REMOVALS: u32 = 2_000;

#[async_trait]
impl OutboxStore for SqlStore {
    async fn outbox_row(&self, id: i64) -> Result<Option<OutboxRow>, StoreError> {
        self.read(move |connection| outbox::one(connection, id)).await
    }

    async fn remote_id(&self, delivery: i64) -> Result<Option<String>, StoreError> {
        self.read(move |connection| outbox::remote_id(connection, delivery)).await
    }

    async fn deliveries(&self, filter: DeliveryFilter) -> Result<Vec<OutboxRow>, StoreError> {
        self.read(move |connection| outbox::list(connection, &filter)).await
    }

    async fn deliveries_of(
        &self,
        trackers: Vec<String>,
        subjects: Vec<String>,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        self.read(move |connection| {
            let mut rows = Vec::new();
            for (subject, tracker) in
                subjects.iter().flat_map(|subject| trackers.iter().map(move |tracker| (subject, tracker)))
            {
                rows.extend(outbox::of_subject(connection, tracker, subject)?);
            }
            Ok(rows)
        })
        .await
    }

    async fn count_deliveries(&self, states: Vec<DeliveryState>) -> Result<u64, StoreError> {
        self.read(move |connection| {
            let counts = states.iter().map(|state| outbox::count(connection, *state, None).map(u64::from));
            counts.sum()
        })
        .await
    }

    async fn outbox_stats(&self, tracker: &str) -> Result<OutboxStats, StoreError> {
        let tracker = tracker.to_owned();
        self.read(move |connection| outbox::told(connection, &tracker)).await
    }

    async fn apply_command(
        &self,
        selection: OutboxSelection,
        command: OutboxCommand,
        at: Timestamp,
    ) -> Result<usize, StoreError> {
        self.command(move |connection| outbox_commands::apply(connection, selection, &command, at)).await
    }

    async fn removals(&self) -> Result<Vec<(String, Timestamp)>, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT key, at FROM removals WHERE household = household() ORDER BY at, key",
                )?
                .query_map(params![], |row| Ok((row.get(0)?, time(row.get(1)?))))?
                .collect()
        })
        .await
    }
}

#[async_trait]
impl OutboxOwner for SqlStore {
    fn delivery_signal(&self, tracker: &str) -> Arc<Notify> {
        self.signals().deliveries.of(self.household(), tracker)
    }

    async fn next_due(&self, tracker: &str, now: Timestamp) -> Result<Option<OutboxRow>, StoreError> {
        let tracker = tracker.to_owned();
        self.read(move |connection| outbox::next_due(connection, &tracker, now)).await
    }

    async fn due_together(
        &self,
        tracker: &str,
        now: Timestamp,
        with_postponed: bool,
        limit: u32,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        let tracker = tracker.to_owned();
        self.read(move |connection| outbox::due_together(connection, &tracker, now, with_postponed, limit))
            .await
    }

    async fn next_due_at(&self, tracker: &str) -> Result<Option<Timestamp>, StoreError> {
        let tracker = tracker.to_owned();
        self.read(move |connection| outbox::next_time(connection, &tracker)).await
    }

    async fn begin_attempt(&self, row: &OutboxRow) -> Result<bool, StoreError> {
        let id = row.id;
        self.write(move |connection| outbox::attempting(connection, id)).await
    }

    async fn make_due(&self, tracker: &str, now: Timestamp) -> Result<(), StoreError> {
        let tracker = tracker.to_owned();
        self.write(move |connection| outbox::wake(connection, &tracker, now)).await
    }

    async fn record_attempt(
        &self,
        row: &OutboxRow,
        attempt: AttemptOutcome,
        parked: Option<AccountPause>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let row = row.clone();
        let (signals, household) = (Arc::clone(self.signals()), self.household().clone());
        let tell = move |trackers: &Vec<String>| {
            trackers.iter().for_each(|tracker| signals.deliveries.notify(&household, tracker));
        };
        let record = move |connection: &Connection| {
            let trackers = outbox::attempted(connection, &row, &attempt, at)?;
            accounts::park(connection, &row.event.tracker, parked.as_ref())?;
            Ok(trackers)
        };
        self.write_then(record, tell).await.map(drop)
    }

    async fn record_removal(&self, key: String, at: Timestamp) -> Result<(), StoreError> {
        self.write(move |connection| {
                connection
                    .prepare_cached(
                        "INSERT INTO removals (household, key, at) VALUES (household(), ?1, ?2)
                         ON CONFLICT (household, key) DO UPDATE SET at = excluded.at",
                    )?
                    .execute(params![key, at.as_millisecond()])?;
                connection
                    .prepare_cached(
                        "DELETE FROM removals WHERE household = household() AND key IN (
                             SELECT key FROM removals WHERE household = household() ORDER BY at DESC LIMIT 1000000000 OFFSET ?1)",
                    )?
                    .execute(params![MAX_REMOVALS])
                    .map(drop)
            })
            .await
    }
}
