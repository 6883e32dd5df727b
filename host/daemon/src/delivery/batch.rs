//! Many late events in one call: what waited while a tracker was away is sent in a few requests.

use jiff::Timestamp;
use playrelay_engine::event::Action;
use playrelay_engine::outbox::{AttemptOutcome, OutboxRow};
use playrelay_plugin_host::capabilities::{BatchResult, SinkBatch};
use playrelay_plugin_host::failure::Failure;
use playrelay_store::{AccountPause, StoreError};
use playrelay_util::clock;
use playrelay_util::lock::lock;
use tracing::Instrument;

use crate::delivery::worker::{DeliveryWorker, OUTAGE_FAILURES};

/// Fewer events are sent alone: each of them is then answered for itself.
const MIN_BATCH_EVENTS: usize = 3;
/// Rows that are looked at for each event that a plugin takes at once.
const ROWS_PER_EVENT: u32 = 4;

impl DeliveryWorker {
    /// The events that are sent together with the next one; absent where it is sent alone.
    pub(super) async fn batch(
        &self,
        next: &OutboxRow,
        now: Timestamp,
    ) -> Result<Option<Vec<OutboxRow>>, StoreError> {
        let Some(facts) = &self.plugin.manifest.provides.sink_batch else { return Ok(None) };
        if !self.fits_batch(next, now) {
            return Ok(None);
        }
        let limit = facts.max_events.saturating_mul(ROWS_PER_EVENT);
        let mut rows = self.store.due_together(self.tracker(), now, limit).await?;
        rows.retain(|row| self.fits_batch(row, now));
        rows.truncate(facts.max_events as usize);
        Ok(Some(rows).filter(|rows| rows.len() >= MIN_BATCH_EVENTS))
    }

    fn fits_batch(&self, row: &OutboxRow, now: Timestamp) -> bool {
        let is_past = matches!(
            row.event.action,
            Action::Watched(_) | Action::Rated(_) | Action::Unrated | Action::Unwatched
        );
        is_past
            && self.is_late(row, now)
            && self.skip_reason(row, now).is_none()
            && !lock(&self.alone).contains(&row.id)
    }

    /// Sends events together. `failures`: how often the tracker has failed in a row.
    pub(super) async fn deliver_batch(&self, rows: Vec<OutboxRow>, failures: u32) -> Result<(), StoreError> {
        for row in &rows {
            self.store.begin_attempt(row).await?;
        }
        let events = rows.iter().map(|row| self.sink_event(row)).collect();
        let span = tracing::info_span!("delivery", events = rows.len());
        let (answer, trace) = self.plugin.call::<SinkBatch>(&self.target, events).instrument(span).await;
        let now = clock::now();
        match answer {
            Ok(Ok(results)) => {
                for (row, result) in rows.iter().zip(results) {
                    match result {
                        BatchResult::Receipt(receipt) => self.settle(row, receipt, now).await?,
                        BatchResult::Failure(failure) => {
                            let failure = self.meaning(failure, &trace).await;
                            self.fail(row, &failure, failures, trace.uncertain, now).await?;
                        }
                        BatchResult::Alone => self.send_alone(row),
                    }
                }
                if failures >= OUTAGE_FAILURES {
                    self.store.make_due(self.tracker(), now).await?;
                }
                Ok(())
            }
            // One of them may be at fault: alone, each of them shows what it is.
            Ok(Err(Failure::Rejected(reason))) => {
                self.send_all_alone(&rows, &reason);
                Ok(())
            }
            Err(fault) => {
                self.send_all_alone(&rows, &fault.to_string());
                Ok(())
            }
            Ok(Err(failure)) => {
                let failure = self.meaning(failure, &trace).await;
                self.postpone(&rows, &failure, failures, trace.uncertain, now).await
            }
        }
    }

    /// Has all of them wait for the same time, so that they are sent together again.
    async fn postpone(
        &self,
        rows: &[OutboxRow],
        failure: &Failure,
        failures: u32,
        uncertain: bool,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        tracing::warn!(
            tracker = self.tracker(),
            "{} events are not delivered: {}",
            rows.len(),
            failure.reason()
        );
        let mut pause = None;
        for row in rows {
            let (attempt, parked) = self.reaction(row, failure, failures, uncertain, now);
            let parked = pause.get_or_insert(parked).clone();
            let attempt = match (attempt, &parked) {
                (
                    AttemptOutcome::Postponed { note, uncertain, .. },
                    Some(AccountPause::Until { until, .. } | AccountPause::Blocked { until, .. }),
                ) => AttemptOutcome::Postponed { next_at: *until, note, uncertain },
                (attempt, _) => attempt,
            };
            self.record(row, attempt, parked, now).await?;
        }
        Ok(())
    }

    fn send_all_alone(&self, rows: &[OutboxRow], reason: &str) {
        tracing::warn!(
            tracker = self.tracker(),
            "{} events are sent one by one, since together they failed: {reason}",
            rows.len()
        );
        rows.iter().for_each(|row| self.send_alone(row));
    }

    /// An attempt of it has begun, so that it counts as one that may have been applied.
    fn send_alone(&self, row: &OutboxRow) {
        lock(&self.alone).insert(row.id);
    }
}
