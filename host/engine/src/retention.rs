//! How long inputs are kept.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::code::Code;
use crate::outbox::DeliveryState;

/// An input that changed nothing is kept this long, or as long as others if that is shorter.
const UNCHANGED_RETENTION: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// Which inputs are deleted, with their timelines and deliveries. Plays are kept for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionRule {
    /// Inputs that ended before this time, UTC. One that is not processed yet stays.
    pub ended_before: Timestamp,
    /// Only inputs that ended with this code; absent: with any.
    pub code: Option<Code>,
    /// An input stays as long as one of its deliveries has one of these states.
    pub kept_by: &'static [DeliveryState],
}

/// The rules at `now`, if the user keeps inputs for `keep`.
pub fn rules(now: Timestamp, keep: Duration) -> [RetentionRule; 2] {
    let before = |keep: Duration| {
        let keep = SignedDuration::try_from(keep).unwrap_or(SignedDuration::MAX);
        now.saturating_sub(keep).unwrap_or(Timestamp::MIN)
    };
    [
        RetentionRule {
            ended_before: before(keep),
            code: None,
            // Somebody still waits for these, or has to decide.
            kept_by: &[DeliveryState::Waiting, DeliveryState::Held, DeliveryState::Dead],
        },
        RetentionRule {
            ended_before: before(keep.min(UNCHANGED_RETENTION)),
            code: Some(Code::NoChange),
            kept_by: &DeliveryState::ALL,
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_that_changed_nothing_go_first_but_never_stay_longer() {
        let now: Timestamp = "2026-11-21T20:00:00Z".parse().unwrap();
        let day = |days: u64| Duration::from_secs(days * 24 * 60 * 60);
        for (keep, unchanged) in
            [(day(90), day(2)), (day(2), day(2)), (day(1), day(1)), (Duration::MAX, day(2))]
        {
            let [all, repeats] = rules(now, keep);
            let age = |rule: &RetentionRule| now.duration_since(rule.ended_before);
            assert_eq!(age(&repeats), SignedDuration::try_from(unchanged).unwrap());
            assert!(all.ended_before <= repeats.ended_before, "{keep:?}");
            assert_eq!((all.code, repeats.code), (None, Some(Code::NoChange)));
            assert_eq!(repeats.kept_by.len(), DeliveryState::ALL.len());
        }
        let [forever, _] = rules(now, Duration::MAX);
        assert_eq!(forever.ended_before, Timestamp::MIN);
    }
}
