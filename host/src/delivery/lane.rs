//! One tracker account's events, one at a time, in the order of each play.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use super::backoff;
use crate::clock;
use crate::config;
use crate::dispatch::route::Weight;
use crate::plugins::call::{Caller, Plugin};
use crate::plugins::capabilities::{Failure, ReceiptOutcome, Sink, SinkEvent};
use crate::plugins::manifest::SinkAction;
use crate::state::{Attempt, DeliveryState, OutboxRow, Parked, SharedStore, StoreError};

/// What is playing is no longer worth telling after this.
const PRESENCE_KEPT: SignedDuration = SignedDuration::from_mins(15);
/// How often an account that waits for a login is looked at: another process may have logged in.
const LOGIN_POLL: Duration = Duration::from_secs(2);
/// How often a blocked account is tried again.
const BLOCKED_FOR: SignedDuration = SignedDuration::from_hours(1);
/// The longest that a tracker can make us wait: quotas are by the day.
const LONGEST_ASKED: Duration = Duration::from_secs(26 * 60 * 60);
/// The longest sleep, so that a clock that was set does not hold events up.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// The same where the clock is a test's.
const SIMULATED_SLEEP: Duration = Duration::from_millis(50);
/// After this many failures in a row a success means that the tracker is back, and what waits is due.
const OUTAGE: u32 = 3;

/// The lane of one tracker account.
pub struct Lane {
    /// The tracker's plugin.
    pub plugin: Arc<Plugin>,
    /// Its account.
    pub caller: Caller,
    /// Where the events are.
    pub store: SharedStore,
    /// Pauses and lateness.
    pub delivery: config::Delivery,
    /// How long a watch is tried.
    pub offline_keep: Duration,
    /// Tells of new events.
    pub arrived: Arc<Notify>,
}

impl Lane {
    fn tracker(&self) -> &str {
        &self.caller.account.name
    }

    /// Works until it is dropped.
    pub async fn run(self) {
        self.forget_old_refusal().await;
        loop {
            let wait = match self.step().await {
                Ok(None) => continue,
                Ok(Some(wait)) => wait,
                Err(error) => {
                    tracing::error!(tracker = self.tracker(), "the outbox cannot be used: {error}");
                    Duration::from_secs(1)
                }
            };
            let longest = if clock::is_simulated() { SIMULATED_SLEEP } else { LONGEST_SLEEP };
            // Elapsed and notified mean the same: look again.
            let _ = tokio::time::timeout(wait.min(longest), self.arrived.notified()).await;
        }
    }

    /// A key that was mended in the configuration, or a key file that was restored, may serve now: only trying tells.
    async fn forget_old_refusal(&self) {
        let forgotten = match self.store.parked(self.tracker()).await {
            Ok(Some(Parked::Login { .. } | Parked::Blocked { .. })) => {
                self.store.park(self.tracker(), None).await
            }
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = forgotten {
            tracing::error!(tracker = self.tracker(), "the account's state cannot be used: {error}");
        }
    }

    /// Delivers one event, or says how long there is nothing to do.
    async fn step(&self) -> Result<Option<Duration>, StoreError> {
        let now = clock::now();
        let parked = self.store.parked(self.tracker()).await?;
        let failures = match &parked {
            None => 0,
            Some(Parked::Login { .. }) => return Ok(Some(LOGIN_POLL)),
            Some(Parked::Until { until, .. } | Parked::Blocked { until, .. }) if *until > now => {
                return Ok(Some(until_from(*until, now)));
            }
            Some(Parked::Until { failures, .. }) => *failures,
            Some(Parked::Blocked { .. }) => 0,
        };
        let Some(row) = self.store.next_due(self.tracker(), now).await? else {
            let next = self.store.next_time(self.tracker()).await?;
            return Ok(Some(
                next.map_or(LONGEST_SLEEP, |next| until_from(next, now).max(Duration::from_millis(1))),
            ));
        };
        if let Some((state, note)) = self.not_worth_sending(&row, now) {
            let attempt = Attempt::Settled { state, note, receipt: None };
            self.store.attempted(&row, attempt, parked, now).await?;
            return Ok(None);
        }
        self.deliver(row, failures).await.map(|()| None)
    }

    /// Events that need not be sent, or cannot.
    fn not_worth_sending(&self, row: &OutboxRow, now: Timestamp) -> Option<(DeliveryState, String)> {
        let action = row.event.action;
        let age = now.duration_since(row.event.at);
        let takes = self
            .plugin
            .manifest
            .provides
            .sink
            .as_ref()
            .is_some_and(|facts| facts.actions.iter().any(|taken| action_name(*taken) == action.name()));
        if !takes {
            let text =
                format!("{} takes no \u{201c}{}\u{201d}", self.plugin.manifest.plugin.name, action.name());
            return Some((DeliveryState::Unsupported, text));
        }
        match action.weight() {
            Weight::Presence if age > PRESENCE_KEPT => {
                Some((DeliveryState::Superseded, format!("no longer true after {} min", age.as_secs() / 60)))
            }
            Weight::Watch | Weight::Rating
                if row.attempts > 0 && age.is_positive() && age.unsigned_abs() > self.offline_keep =>
            {
                let last = row.note.as_deref().unwrap_or_default();
                Some((
                    DeliveryState::Dead,
                    format!("undelivered for {} days; the last failure: {last}", age.as_hours() / 24),
                ))
            }
            _ => None,
        }
    }

    async fn deliver(&self, row: OutboxRow, failures: u32) -> Result<(), StoreError> {
        let is_presence = row.event.action.weight() == Weight::Presence;
        if !is_presence {
            self.store.attempting(&row).await?;
        }
        let now = clock::now();
        let age = now.duration_since(row.event.at);
        let event = SinkEvent {
            id: format!("playrelay-{}", row.id),
            action: row.event.action,
            item: row.event.item.clone(),
            at: row.event.at,
            started_at: row.event.started_at,
            late: age.is_positive() && age.unsigned_abs() > self.delivery.late_after,
            uncertain: row.uncertain,
            attempt: row.attempts + 1,
        };
        let (answer, trace) = self.plugin.call::<Sink>(&self.caller, event).await;
        let now = clock::now();
        let uncertain = trace.uncertain && !is_presence;
        let failure = match answer {
            Ok(Ok(receipt)) => {
                let state = match receipt.outcome {
                    ReceiptOutcome::Accepted => DeliveryState::Delivered,
                    ReceiptOutcome::Duplicate => DeliveryState::Duplicate,
                    ReceiptOutcome::Unmatched => DeliveryState::Unmatched,
                    ReceiptOutcome::Unsupported => DeliveryState::Unsupported,
                };
                tracing::info!(
                    tracker = self.tracker(), action = row.event.action.name(), item = %row.event.item,
                    event = row.inbox, outcome = state.as_str(), "delivered"
                );
                let note = receipt.note.clone().unwrap_or_default();
                let attempt = Attempt::Settled { state, note, receipt: Some(receipt) };
                self.store.attempted(&row, attempt, None, now).await?;
                if failures >= OUTAGE {
                    self.store.wake(self.tracker(), now).await?;
                }
                return Ok(());
            }
            Ok(Err(failure)) => trace.login_needed.map_or(failure, Failure::Unauthorized),
            Err(fault) => Failure::Retry { after_ms: None, reason: format!("the plugin failed: {fault}") },
        };
        let (attempt, parked) = self.react(&row, &failure, failures, uncertain, now);
        tracing::warn!(
            tracker = self.tracker(), action = row.event.action.name(), item = %row.event.item, event = row.inbox,
            "not delivered: {}", failure.reason()
        );
        self.store.attempted(&row, attempt, parked, now).await
    }

    /// One reaction for each kind of failure.
    fn react(
        &self,
        row: &OutboxRow,
        failure: &Failure,
        failures: u32,
        uncertain: bool,
        now: Timestamp,
    ) -> (Attempt, Option<Parked>) {
        let note = failure.reason().to_owned();
        let reason = note.clone();
        let postponed = |next_at| Attempt::Postponed { next_at, note: note.clone(), uncertain };
        let after = |pause: Duration| {
            now.saturating_add(SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX))
                .unwrap_or(Timestamp::MAX)
        };
        let pause = |failures| {
            let config::Delivery { retry_first, retry_longest, .. } = self.delivery;
            backoff::pause(failures, retry_first, retry_longest, backoff::random())
        };
        match failure {
            Failure::Retry { after_ms, .. } => {
                // What a tracker asks for lengthens our own pause, up to a day; it never shortens it.
                let asked =
                    after_ms.map_or(Duration::ZERO, |ms| Duration::from_millis(ms.into())).min(LONGEST_ASKED);
                let lane = after(pause(failures + 1).max(asked));
                let event = after(pause(row.attempts + 1).max(asked));
                (postponed(event), Some(Parked::Until { until: lane, reason, failures: failures + 1 }))
            }
            Failure::Quota { until, .. } => {
                // A plugin that names no time that can be read gets an hour.
                let until: Timestamp = until.parse().unwrap_or_else(|_| after(BLOCKED_FOR.unsigned_abs()));
                let until = until.clamp(after(pause(failures + 1)), after(LONGEST_ASKED));
                (postponed(until), Some(Parked::Until { until, reason, failures: failures + 1 }))
            }
            Failure::Unauthorized(_) => (postponed(now), Some(Parked::Login { reason })),
            Failure::Blocked(_) => {
                let until = after(BLOCKED_FOR.unsigned_abs());
                (postponed(until), Some(Parked::Blocked { until, reason }))
            }
            Failure::Rejected(_) => {
                (Attempt::Settled { state: DeliveryState::Dead, note, receipt: None }, None)
            }
        }
    }
}

fn until_from(until: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(until.duration_since(now)).unwrap_or_default()
}

fn action_name(action: SinkAction) -> &'static str {
    match action {
        SinkAction::Playing => "playing",
        SinkAction::Paused => "paused",
        SinkAction::Stopped => "stopped",
        SinkAction::Watched => "watched",
        SinkAction::Rated => "rated",
        SinkAction::Unrated => "unrated",
        SinkAction::Unwatched => "unwatched",
    }
}
