//! One tracker account's events, one at a time, in the order of each play.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use playrelay_engine::event::{Action, DeliveryClass, Receipt, ReceiptOutcome};
use playrelay_engine::model::ItemKind;
use playrelay_engine::outbox::{AttemptOutcome, DeliveryState, OutboxRow};
use playrelay_plugin_host::call_state::CallTrace;
use playrelay_plugin_host::capabilities::{Sink, SinkEvent};
use playrelay_plugin_host::failure::Failure;
use playrelay_plugin_host::manifest::Level;
use playrelay_plugin_host::plugin::{CallTarget, Plugin};
use playrelay_store::{AccountPause, SharedOwner, StoreError};
use playrelay_util::clock;
use playrelay_util::lock::lock;
use tokio::sync::watch;
use tracing::Instrument;

use crate::config;
use crate::delivery::batch_state::BatchState;
use crate::delivery::outcome::CallOutcome;
use crate::delivery::watchlist::{RemovalOutcome, WatchlistRemover};
use crate::exports::watchlist_removals::RemovalLog;
use crate::inbox::STORE_RETRY_DELAY;
use crate::live::{Change, LiveBus};
use crate::metrics::Metrics;

/// The greatest age of an event about playback that is still sent.
const PRESENCE_TTL: SignedDuration = SignedDuration::from_mins(15);
/// The longest sleep while something waits: a clock that was set must not hold events up.
const MAX_SLEEP: Duration = Duration::from_secs(2);
/// The same with the clock of a test.
const SIMULATED_SLEEP: Duration = Duration::from_millis(50);
/// After this many failures in a row a success means that the tracker is back, and what waits is due.
pub(super) const OUTAGE_FAILURES: u32 = 3;

/// The lane of one tracker account.
pub struct DeliveryWorker {
    /// The tracker's plugin.
    pub plugin: Arc<Plugin>,
    /// The account of the plugin.
    pub target: CallTarget,
    /// The store with the events.
    pub store: SharedOwner,
    /// Pauses and lateness.
    pub delivery: config::Delivery,
    /// How long the worker tries to deliver a watch.
    pub offline_keep: Duration,
    /// Removals from watchlists.
    pub removals: Arc<RemovalLog>,
    /// The random name of this installation: part of what trackers know events by, so that another one's are not taken for them.
    pub installation: String,
    /// Who else knows what has aired.
    pub catalogue: Option<(Arc<Plugin>, CallTarget)>,
    /// Receives each attempt that has ended.
    pub live: LiveBus,
    /// Counts them.
    pub metrics: Metrics,
    /// What the lane knows of its batches.
    pub batches: Mutex<BatchState>,
}

/// What a worker does next.
enum Next {
    /// It looks again.
    Look,
    /// Nothing is due for this long.
    Sleep(Duration),
    /// Nothing waits that could be sent.
    Idle,
}

impl DeliveryWorker {
    pub(crate) fn tracker(&self) -> &str {
        &self.target.account.name
    }

    fn watchlist_remover(&self) -> WatchlistRemover<'_> {
        WatchlistRemover {
            plugin: &self.plugin,
            target: &self.target,
            removals: &self.removals,
            catalogue: self.catalogue.as_ref(),
        }
    }

    /// Works until `stop` says so, or its sender is gone: never in the middle of an attempt.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let (arrivals, mut changes) = (self.store.delivery_signal(self.tracker()), self.store.changes());
        self.clear_stale_refusal().await;
        while stop.has_changed().is_ok() && !*stop.borrow() {
            changes.mark_unchanged();
            let wait = match self.deliver_next().await {
                Ok(Next::Look) => continue,
                Ok(Next::Sleep(wait)) => wait,
                // A new event, a login or a command wakes the worker.
                Ok(Next::Idle) => Duration::MAX,
                Err(error) => {
                    tracing::error!(tracker = self.tracker(), "the outbox cannot be used: {error}");
                    STORE_RETRY_DELAY
                }
            };
            let longest = match wait {
                _ if clock::is_simulated() => SIMULATED_SLEEP,
                Duration::MAX => Duration::MAX,
                _ => MAX_SLEEP,
            };
            // They all mean the same: look again.
            tokio::select! {
                () = tokio::time::sleep(wait.min(longest)) => {}
                () = arrivals.notified() => {}
                _ = changes.changed() => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// A key that was mended in the configuration, or a key file that was restored, may serve now: only trying tells.
    async fn clear_stale_refusal(&self) {
        let forgotten = match self.store.pause(self.tracker()).await {
            Ok(Some(AccountPause::Login { .. } | AccountPause::Blocked { .. })) => {
                self.store.set_pause(self.tracker(), None).await
            }
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = forgotten {
            tracing::error!(tracker = self.tracker(), "the account's state cannot be used: {error}");
        }
    }

    /// Delivers one event, or says how long there is nothing to do.
    async fn deliver_next(&self) -> Result<Next, StoreError> {
        let now = clock::now();
        let parked = self.store.pause(self.tracker()).await?;
        let failures = match &parked {
            None => 0,
            Some(AccountPause::Login { .. }) => return Ok(Next::Idle),
            Some(AccountPause::Until { until, .. } | AccountPause::Blocked { until, .. }) if *until > now => {
                return Ok(Next::Sleep(until_from(*until, now)));
            }
            Some(AccountPause::Until { failures, .. }) => *failures,
            Some(AccountPause::Blocked { .. }) => 0,
        };
        let Some(row) = self.store.next_due(self.tracker(), now).await? else {
            let next = self.store.next_due_at(self.tracker()).await?;
            return Ok(match next {
                Some(next) => Next::Sleep(until_from(next, now).max(Duration::from_millis(1))),
                None => Next::Idle,
            });
        };
        let mut needless = self.skip_reason(&row, now);
        if needless.is_none()
            && row.event.action.delivery_class() == DeliveryClass::Presence
            && self.is_scarce().await
        {
            let note = "few requests are left today, and they are kept for what was watched";
            needless = Some((DeliveryState::Superseded, note.to_owned()));
        }
        if let Some((state, note)) = needless {
            let attempt = AttemptOutcome::Settled { state, note, receipt: None };
            self.record(&row, attempt, parked, now).await?;
            return Ok(Next::Look);
        }
        if let Some(rows) = self.batch(&row, failures, now).await? {
            return self.deliver_batch(rows, failures).await.map(|()| Next::Look);
        }
        let span = tracing::info_span!("delivery", event = row.inbox);
        self.deliver(row, failures).instrument(span).await.map(|()| Next::Look)
    }

    /// Stores the outcome of an attempt, and publishes it.
    pub(super) async fn record(
        &self,
        row: &OutboxRow,
        attempt: AttemptOutcome,
        pause: Option<AccountPause>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let (result, state, note) = match &attempt {
            AttemptOutcome::Settled { state, note, .. } => (state.as_str(), state.as_str(), note.clone()),
            AttemptOutcome::Postponed { note, .. } => {
                ("postponed", DeliveryState::Waiting.as_str(), note.clone())
            }
        };
        if matches!(attempt, AttemptOutcome::Settled { .. }) {
            lock(&self.batches).alone.remove(&row.id);
        }
        self.store.record_attempt(row, attempt, pause, at).await?;
        self.metrics.delivery(self.tracker(), result);
        self.live.publish(Change::Delivery {
            id: Some(row.id),
            event: row.inbox,
            tracker: self.tracker().to_owned(),
            action: row.event.action.name(),
            state,
            item: row.event.item.to_string(),
            note: Some(note).filter(|note| !note.is_empty()),
        });
        Ok(())
    }

    /// Events that need not be sent, or cannot.
    pub(super) fn skip_reason(&self, row: &OutboxRow, now: Timestamp) -> Option<(DeliveryState, String)> {
        let action = row.event.action;
        let age = now.duration_since(row.event.at);
        if let Some(reason) = self.unsupported_reason(row) {
            return Some((DeliveryState::Unsupported, reason));
        }
        match (action.delivery_class(), row.event.item.ambiguity()) {
            (DeliveryClass::Presence, Some(doubt)) => {
                return Some((DeliveryState::Skipped, format!("it is not clear what it is: {doubt}")));
            }
            (_, Some(doubt)) => {
                let note = format!(
                    "it is held until you say what it is with `playrelay outbox match {}`: {doubt}",
                    row.id
                );
                return Some((DeliveryState::Held, note));
            }
            (_, None) => {}
        }
        match action.delivery_class() {
            DeliveryClass::Presence if age > PRESENCE_TTL => {
                Some((DeliveryState::Superseded, format!("no longer true after {} min", age.as_secs() / 60)))
            }
            _ => None,
        }
    }

    /// Why the tracker can do nothing with an event, where it cannot.
    fn unsupported_reason(&self, row: &OutboxRow) -> Option<String> {
        let action = row.event.action;
        let provides = &self.plugin.manifest.provides;
        let name = &self.plugin.manifest.plugin.name;
        let takes = match (action, &provides.sink) {
            (Action::RemoveFromWatchlist, _) => provides.watchlist.is_some(),
            (_, Some(facts)) if row.event.remote_id.is_some() && !facts.removes_plays => false,
            (_, Some(facts)) => facts.actions.iter().any(|taken| taken.name() == action.name()),
            (_, None) => false,
        };
        if !takes {
            return Some(format!("{name} takes no \u{201c}{}\u{201d}", action.name()));
        }
        let level = match &row.event.item.kind {
            ItemKind::Movie(_) => Level::Movie,
            ItemKind::Show(_) => Level::Show,
            ItemKind::Season(_) => Level::Season,
            ItemKind::Episode(_) => Level::Episode,
        };
        let rates = provides.sink.as_ref().is_some_and(|facts| facts.ratings.levels.contains(&level));
        (action.delivery_class() == DeliveryClass::Rating && !rates)
            .then(|| format!("{name} has no ratings of a thing like {}", row.event.item))
    }

    /// Whether the requests that are left today are kept for what must not be lost.
    async fn is_scarce(&self) -> bool {
        match self.target.account.outbound.meter() {
            Some(meter) => meter.is_scarce().await.unwrap_or_else(|error| {
                tracing::warn!(tracker = self.tracker(), "the requests of today cannot be counted: {error}");
                false
            }),
            None => false,
        }
    }

    async fn deliver(&self, row: OutboxRow, failures: u32) -> Result<(), StoreError> {
        let is_presence = row.event.action.delivery_class() == DeliveryClass::Presence;
        // Meanwhile somebody may have taken it back.
        if !is_presence && !self.store.begin_attempt(&row).await? {
            return Ok(());
        }
        let (answer, trace) = match row.event.action {
            Action::RemoveFromWatchlist => match self.watchlist_remover().remove(&row).await? {
                RemovalOutcome::Skipped(note) => {
                    let attempt =
                        AttemptOutcome::Settled { state: DeliveryState::Skipped, note, receipt: None };
                    return self.record(&row, attempt, None, clock::now()).await;
                }
                RemovalOutcome::Later(note) => {
                    let now = clock::now();
                    let next_at = later(now, self.pause(row.attempts + 1));
                    let attempt = AttemptOutcome::Postponed { next_at, note, uncertain: false };
                    return self.record(&row, attempt, None, now).await;
                }
                RemovalOutcome::Asked(answer, trace) => (answer, trace),
            },
            _ => self.call_sink(&row).await,
        };
        let now = clock::now();
        let uncertain = trace.uncertain && !is_presence;
        let failure = match answer {
            Ok(Ok(receipt)) => {
                self.settle(&row, receipt, now).await?;
                if failures >= OUTAGE_FAILURES {
                    self.store.make_due(self.tracker(), now).await?;
                }
                return Ok(());
            }
            Ok(Err(failure)) => self.meaning(failure, &trace).await,
            Err(fault) => Failure::Retry { after_ms: None, reason: format!("the plugin failed: {fault}") },
        };
        self.fail(&row, &failure, failures, uncertain, now).await
    }

    /// Stores the tracker's answer.
    pub(super) async fn settle(
        &self,
        row: &OutboxRow,
        receipt: Receipt,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let is_presence = row.event.action.delivery_class() == DeliveryClass::Presence;
        let state = match receipt.outcome {
            // The tracker took it for something else: a person has to say what it is.
            ReceiptOutcome::Unmatched if !receipt.matched.is_empty() && !is_presence => DeliveryState::Held,
            ReceiptOutcome::Accepted => DeliveryState::Delivered,
            ReceiptOutcome::Duplicate => DeliveryState::Duplicate,
            ReceiptOutcome::Unmatched => DeliveryState::Unmatched,
            ReceiptOutcome::Unsupported => DeliveryState::Unsupported,
        };
        let said = if state == DeliveryState::Delivered { "delivered" } else { "answered" };
        tracing::info!(
            tracker = self.tracker(), action = row.event.action.name(), item = %row.event.item,
            event = row.inbox, outcome = state.as_str(), "{said}"
        );
        let note = receipt.note.clone().unwrap_or_default();
        self.record(row, AttemptOutcome::Settled { state, note, receipt: Some(receipt) }, None, now).await
    }

    /// Stores a failure, and reacts to it.
    pub(super) async fn fail(
        &self,
        row: &OutboxRow,
        failure: &Failure,
        failures: u32,
        uncertain: bool,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (attempt, parked) = self.reaction(row, failure, failures, uncertain, now);
        tracing::warn!(
            tracker = self.tracker(), action = row.event.action.name(), item = %row.event.item, event = row.inbox,
            "not delivered: {}", failure.reason()
        );
        self.record(row, attempt, parked, now).await
    }

    async fn call_sink(&self, row: &OutboxRow) -> (CallOutcome, CallTrace) {
        self.plugin.call::<Sink>(&self.target, self.sink_event(row)).await
    }

    /// An event as the plugin gets it.
    pub(super) fn sink_event(&self, row: &OutboxRow) -> SinkEvent {
        SinkEvent {
            id: event_id(&self.installation, row.id),
            action: row.event.action,
            item: row.event.item.clone(),
            at: row.event.at,
            started_at: row.event.started_at,
            late: self.is_late(row, clock::now()),
            uncertain: row.uncertain,
            attempt: row.attempts + 1,
            remote_id: row.event.remote_id.clone(),
        }
    }

    /// Whether an event happened too long ago to be live.
    pub(super) fn is_late(&self, row: &OutboxRow, now: Timestamp) -> bool {
        let age = now.duration_since(row.event.at);
        age.is_positive() && age.unsigned_abs() > self.delivery.late_after
    }
}

/// A time after a pause.
pub(super) fn later(now: Timestamp, pause: Duration) -> Timestamp {
    now.saturating_add(SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX))
        .unwrap_or(Timestamp::MAX)
}

fn until_from(until: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(until.duration_since(now)).unwrap_or_default()
}

/// The idempotency key of a delivery: the same for every attempt, and another one in each installation.
pub(crate) fn event_id(installation: &str, delivery: i64) -> String {
    format!("playrelay-{installation}-{delivery}")
}
