//! Many late events in one call. The events that waited while a tracker was away are sent in a few requests.

use jiff::Timestamp;
use playrelay_engine::event::Action;
use playrelay_engine::outbox::{AttemptOutcome, OutboxRow};
use playrelay_plugin_host::call_state::CallTrace;
use playrelay_plugin_host::capabilities::{BatchResult, SinkBatch};
use playrelay_plugin_host::failure::Failure;
use playrelay_plugin_host::fault::FaultKind;
use playrelay_store::{AccountPause, StoreError};
use playrelay_util::clock;
use playrelay_util::lock::lock;
use tracing::Instrument;

use crate::delivery::worker::{DeliveryWorker, OUTAGE_FAILURES};

/// Fewer events are sent alone: each of them is then answered for itself.
const MIN_BATCH_EVENTS: usize = 3;
/// Rows that are looked at for each event that a plugin takes at once.
const ROWS_PER_EVENT: usize = 4;

impl DeliveryWorker {
    /// The events that are sent together with the next one; absent where it is sent alone. `failures`: how often the tracker has failed in a row.
    pub(super) async fn batch(
        &self,
        next: &OutboxRow,
        failures: u32,
        now: Timestamp,
    ) -> Result<Option<Vec<OutboxRow>>, StoreError> {
        let Some(facts) = &self.plugin.manifest.provides.sink_batch else { return Ok(None) };
        if !self.fits_batch(next, now) {
            return Ok(None);
        }
        let (most, alone) = {
            let state = lock(&self.batches);
            (state.limit(facts.max_events as usize), state.alone.len())
        };
        let limit = u32::try_from(most * ROWS_PER_EVENT + alone).unwrap_or(u32::MAX);
        let is_outage = failures >= OUTAGE_FAILURES;
        let mut rows = self.store.due_together(self.tracker(), now, is_outage, limit).await?;
        // An event that takes something back must not be overtaken by a later one of the same title.
        let end = rows.iter().position(|row| matches!(row.event.action, Action::Unwatched | Action::Unrated));
        rows.truncate(end.unwrap_or(rows.len()));
        rows.retain(|row| self.fits_batch(row, now));
        rows.truncate(most);
        if rows.iter().all(|row| row.id != next.id) {
            return Ok(None);
        }
        Ok(Some(rows).filter(|rows| rows.len() >= MIN_BATCH_EVENTS))
    }

    fn fits_batch(&self, row: &OutboxRow, now: Timestamp) -> bool {
        matches!(row.event.action, Action::Watched(_) | Action::Rated(_))
            && self.is_late(row, now)
            && self.skip_reason(row, now).is_none()
            && !lock(&self.batches).alone.contains(&row.id)
    }

    /// Sends events together. `failures`: how often the tracker has failed in a row.
    pub(super) async fn deliver_batch(&self, found: Vec<OutboxRow>, failures: u32) -> Result<(), StoreError> {
        let mut rows = Vec::with_capacity(found.len());
        for row in found {
            // Meanwhile somebody may have taken it back.
            if self.store.begin_attempt(&row).await? {
                rows.push(row);
            }
        }
        if rows.is_empty() {
            return Ok(());
        }
        let events = rows.iter().map(|row| self.sink_event(row)).collect();
        let span = tracing::info_span!("delivery", events = rows.len());
        let (answer, trace) = self.plugin.call::<SinkBatch>(&self.target, events).instrument(span).await;
        match answer {
            Ok(Ok(results)) => self.apply_results(&rows, results, failures, &trace).await,
            // One of them may be at fault: alone, each of them shows what it is.
            Ok(Err(Failure::Rejected(reason))) => self.send_alone(&rows, &reason, trace.uncertain).await,
            Ok(Err(failure)) => {
                let failure = self.meaning(failure, &trace).await;
                // A service that answered may have failed for one of them, or for their number.
                if matches!(failure, Failure::Retry { .. }) && (trace.was_answered || trace.uncertain) {
                    self.divide(&rows);
                }
                self.postpone(&rows, &failure, failures, trace.uncertain).await
            }
            // Nothing was sent.
            Err(fault) if matches!(fault.kind, FaultKind::Paused | FaultKind::Host) => {
                let failure =
                    Failure::Retry { after_ms: None, reason: format!("the plugin failed: {fault}") };
                self.postpone(&rows, &failure, failures, false).await
            }
            Err(fault) => {
                self.send_alone(&rows, &format!("the plugin failed: {fault}"), trace.uncertain).await
            }
        }
    }

    /// After a second failure in a row, has half as many events sent together. The events of a small batch go alone.
    fn divide(&self, rows: &[OutboxRow]) {
        let mut state = lock(&self.batches);
        match (state.failed(), rows.len() / 2) {
            (false, _) => {}
            (true, half) if half >= MIN_BATCH_EVENTS => state.divide(half),
            (true, _) => {
                state.send_alone(rows.iter().map(|row| row.id));
                state.succeeded();
            }
        }
    }

    /// Stores what became of each event: receipts first, since a receipt ends the account's pause, and a failure begins one.
    async fn apply_results(
        &self,
        rows: &[OutboxRow],
        results: Vec<BatchResult>,
        failures: u32,
        trace: &CallTrace,
    ) -> Result<(), StoreError> {
        lock(&self.batches).succeeded();
        let now = clock::now();
        let (mut failed, mut alone, mut has_receipt) = (Vec::new(), Vec::new(), false);
        for (row, result) in rows.iter().zip(results) {
            match result {
                BatchResult::Receipt(receipt) => {
                    self.settle(row, receipt, now).await?;
                    has_receipt = true;
                }
                BatchResult::Failure(failure) => failed.push((row, failure)),
                BatchResult::Alone => alone.push(row.clone()),
            }
        }
        if has_receipt && failures >= OUTAGE_FAILURES {
            self.store.make_due(self.tracker(), now).await?;
        }
        if !alone.is_empty() {
            let reason = "the answer does not tell what became of it";
            self.send_alone(&alone, reason, true).await?;
        }
        for (row, failure) in failed {
            let failure = self.meaning(failure, trace).await;
            self.fail(row, &failure, failures, trace.uncertain, now).await?;
        }
        Ok(())
    }

    /// Has all of them wait for the same time, so that they are sent together again. None of them is given up: which of them fails, a batch does not
    /// tell.
    async fn postpone(
        &self,
        rows: &[OutboxRow],
        failure: &Failure,
        failures: u32,
        uncertain: bool,
    ) -> Result<(), StoreError> {
        let Some(first) = rows.first() else { return Ok(()) };
        let now = clock::now();
        let note = failure.reason().to_owned();
        tracing::warn!(tracker = self.tracker(), "{} events are not delivered: {note}", rows.len());
        let (_, pause) = self.reaction(first, failure, failures, uncertain, now);
        let next_at = match &pause {
            Some(AccountPause::Until { until, .. } | AccountPause::Blocked { until, .. }) => *until,
            Some(AccountPause::Login { .. }) | None => now,
        };
        for row in rows {
            let attempt = AttemptOutcome::Postponed { next_at, note: note.clone(), uncertain };
            self.record(row, attempt, pause.clone(), now).await?;
        }
        Ok(())
    }

    /// Has each of them sent alone, at once.
    async fn send_alone(&self, rows: &[OutboxRow], reason: &str, uncertain: bool) -> Result<(), StoreError> {
        let now = clock::now();
        tracing::warn!(tracker = self.tracker(), "{} events are sent one by one: {reason}", rows.len());
        lock(&self.batches).send_alone(rows.iter().map(|row| row.id));
        for row in rows {
            let note = format!("it was sent together with others, and is sent alone next: {reason}");
            self.record(row, AttemptOutcome::Postponed { next_at: now, note, uncertain }, None, now).await?;
        }
        Ok(())
    }
}
