//! What follows from a failure: how long the event waits, and how the account stands.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use playrelay_engine::event::DeliveryClass;
use playrelay_engine::outbox::{AttemptOutcome, DeliveryState, OutboxRow};
use playrelay_plugin_host::call_state::CallTrace;
use playrelay_plugin_host::failure::Failure;
use playrelay_store::AccountPause;
use playrelay_util::backoff;

use crate::config;
use crate::delivery::worker::{DeliveryWorker, later};

/// How often a blocked account is tried again.
const BLOCKED_RETRY_INTERVAL: SignedDuration = SignedDuration::from_hours(1);
/// The longest that a tracker can make us wait: quotas are by the day.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(26 * 60 * 60);
/// The least number of attempts before an event is given up: one that waited for a login for a month was not tried in that month.
const MIN_ATTEMPTS_BEFORE_GIVING_UP: u32 = 20;

impl DeliveryWorker {
    /// The meaning of a failure, with what the host knows of the call.
    pub(super) async fn meaning(&self, failure: Failure, trace: &CallTrace) -> Failure {
        match (&trace.login_needed, &trace.quota) {
            (Some(reason), _) => Failure::Unauthorized(reason.clone()),
            (None, None) if matches!(failure, Failure::Unauthorized(_)) => {
                self.confirm_unauthorized(failure).await
            }
            (None, Some((until, reason))) => {
                Failure::Quota { until: until.to_string(), reason: reason.clone() }
            }
            (None, None) => failure,
        }
    }

    /// The meaning of a refusal. A login that was renewed just now, like a key, may have been refused by mistake.
    async fn confirm_unauthorized(&self, failure: Failure) -> Failure {
        let (reason, account) = (failure.reason(), &self.target.account);
        let connect = format!("run `playrelay connect {}`", self.tracker());
        match (account.needs_login(), account.outbound.is_login_refused().await) {
            (true, true) => Failure::Unauthorized(format!("{reason}; {connect}")),
            (true, false) => Failure::Blocked(format!("{reason}; should that stay so, {connect}")),
            (false, _) => {
                Failure::Blocked(format!("{reason}; look at the key in [trackers.{}]", self.tracker()))
            }
        }
    }

    /// Whether an event that fails once more has been tried for long enough, and with what words it ends. What waits for a login, or
    /// for a new day, is not being tried.
    fn give_up_reason(&self, row: &OutboxRow, failure: &str, now: Timestamp) -> Option<String> {
        let tried_for = now.duration_since(row.since);
        let is_over = row.attempts >= MIN_ATTEMPTS_BEFORE_GIVING_UP
            && tried_for.is_positive()
            && tried_for.unsigned_abs() > self.offline_keep;
        (is_over && row.event.action.delivery_class() != DeliveryClass::Presence).then(|| {
            format!("undelivered for {} days; the last failure: {failure}", tried_for.as_hours() / 24)
        })
    }

    /// Our own pause after so many failures in a row.
    pub(super) fn pause(&self, failures: u32) -> Duration {
        let config::Delivery { retry_first, retry_longest, .. } = self.delivery;
        backoff::pause(failures, retry_first, retry_longest, backoff::random())
    }

    /// One reaction for each kind of failure.
    pub(super) fn reaction(
        &self,
        row: &OutboxRow,
        failure: &Failure,
        failures: u32,
        uncertain: bool,
        now: Timestamp,
    ) -> (AttemptOutcome, Option<AccountPause>) {
        let note = failure.reason().to_owned();
        let reason = note.clone();
        let postponed = |next_at| AttemptOutcome::Postponed { next_at, note: note.clone(), uncertain };
        let after = |pause: Duration| later(now, pause);
        let pause = |failures| self.pause(failures);
        match failure {
            Failure::Retry { after_ms, .. } => {
                // A tracker that says when, means it: up to a day, and not at once. Where it says nothing, we wait longer each time.
                let asked = after_ms.map(|ms| Duration::from_millis(ms.into()).min(MAX_RETRY_AFTER));
                let wait = |failures| asked.map_or_else(|| pause(failures), |asked| asked.max(pause(1)));
                let (lane, event) = (after(wait(failures + 1)), after(wait(row.attempts + 1)));
                let parked = |attempt| {
                    (
                        attempt,
                        Some(AccountPause::Until {
                            until: lane,
                            reason: reason.clone(),
                            failures: failures + 1,
                        }),
                    )
                };
                if let Some(note) = self.give_up_reason(row, &note, now) {
                    return parked(AttemptOutcome::Settled {
                        state: DeliveryState::Dead,
                        note,
                        receipt: None,
                    });
                }
                (postponed(event), Some(AccountPause::Until { until: lane, reason, failures: failures + 1 }))
            }
            Failure::Quota { until, .. } => {
                // A plugin that names no time that can be read waits for the next day of its quota, or for an hour.
                let quota = self.plugin.manifest.limits.quota.as_ref();
                let next = || quota.map(|quota| quota.next_day_at(now));
                let until: Timestamp = until
                    .parse()
                    .ok()
                    .or_else(next)
                    .unwrap_or_else(|| after(BLOCKED_RETRY_INTERVAL.unsigned_abs()));
                let until = until.min(after(MAX_RETRY_AFTER)).max(after(pause(failures + 1)));
                (postponed(until), Some(AccountPause::Until { until, reason, failures: failures + 1 }))
            }
            Failure::Unauthorized(_) if self.target.account.needs_login() => {
                (postponed(now), Some(AccountPause::Login { reason }))
            }
            Failure::Unauthorized(_) | Failure::Blocked(_) => {
                let until = after(BLOCKED_RETRY_INTERVAL.unsigned_abs());
                (postponed(until), Some(AccountPause::Blocked { until, reason }))
            }
            Failure::Rejected(_) => {
                (AttemptOutcome::Settled { state: DeliveryState::Dead, note, receipt: None }, None)
            }
        }
    }
}
