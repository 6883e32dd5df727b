//! Which conditions last, and which of them were said.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::notifications::{Condition, Notification, Urgency, has_passed};

/// A condition that was said is over when it was away for this long: one that comes and goes is one condition.
const RESOLVED_AFTER: Duration = Duration::from_secs(5 * 60);
/// Conditions that are followed at the same time. Who has more has seen enough of them.
const MAX_CONDITIONS: usize = 100;

/// A condition that lasts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastingCondition {
    /// The condition, as it was seen last.
    pub condition: Condition,
    /// Since when it lasts, UTC.
    pub since: Timestamp,
    /// When it was last said, UTC; absent if it was not.
    pub notified_at: Option<Timestamp>,
    /// The text that was said then.
    notified_text: String,
    /// Since when it is away, UTC; absent while it is there.
    away_since: Option<Timestamp>,
}

/// Which conditions last, and which of them were said. It survives a restart: what was said is not said again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConditionLedger {
    conditions: BTreeMap<String, LastingCondition>,
}

impl ConditionLedger {
    /// The conditions that last, by their keys.
    pub fn lasting(&self) -> impl Iterator<Item = &LastingCondition> {
        self.conditions.values()
    }

    /// Takes in the conditions that there are now. Gives what is to be said.
    pub fn observe(&mut self, observed: Vec<Condition>, now: Timestamp) -> Vec<Notification> {
        let mut said = Vec::new();
        let mut seen = BTreeMap::new();
        for condition in observed {
            seen.insert(condition.key.clone(), condition);
        }
        for (key, condition) in &seen {
            let is_known = self.conditions.contains_key(key);
            if !is_known && self.conditions.len() >= MAX_CONDITIONS {
                continue;
            }
            let lasting = self.conditions.entry(key.clone()).or_insert_with(|| LastingCondition {
                condition: condition.clone(),
                since: now,
                notified_at: None,
                notified_text: String::new(),
                away_since: None,
            });
            lasting.condition = condition.clone();
            lasting.away_since = None;
            said.extend(lasting.say(now));
        }
        self.conditions.retain(|key, lasting| {
            if seen.contains_key(key) {
                return true;
            }
            if lasting.notified_at.is_none() {
                return false;
            }
            let away_since = *lasting.away_since.get_or_insert(now);
            let is_resolved = has_passed(away_since, now, RESOLVED_AFTER);
            if is_resolved {
                said.push(lasting.end(now));
            }
            !is_resolved
        });
        said
    }
}

impl LastingCondition {
    /// Says what has to be said of it now.
    fn say(&mut self, now: Timestamp) -> Option<Notification> {
        let is_due = match (self.notified_at, self.condition.repeat_after) {
            (None, _) => has_passed(self.since, now, self.condition.notify_after),
            (Some(notified_at), Some(again)) => {
                has_passed(notified_at, now, again) && self.notified_text != self.condition.text
            }
            (Some(_), None) => false,
        };
        if !is_due {
            return None;
        }
        self.notified_at = Some(now);
        self.notified_text.clone_from(&self.condition.text);
        Some(self.notification(&self.condition.title, &self.condition.text, self.condition.urgency, now))
    }

    /// Says that it is over.
    fn end(&self, now: Timestamp) -> Notification {
        let notification = self.notification(&self.condition.resolved_title, "", Urgency::Low, now);
        Notification { id: format!("{}/over", notification.id), resolved: true, ..notification }
    }

    fn notification(&self, title: &str, text: &str, urgency: Urgency, now: Timestamp) -> Notification {
        Notification {
            id: format!("{}@{now}", self.condition.key),
            condition: self.condition.key.clone(),
            title: title.to_owned(),
            text: text.to_owned(),
            urgency,
            page: self.condition.page.clone(),
            resolved: false,
            at: now,
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;

    const HOUR: Duration = Duration::from_secs(60 * 60);

    fn at(minutes: i64) -> Timestamp {
        let start: Timestamp = "2026-11-21T20:00:00Z".parse().unwrap();
        start + SignedDuration::from_mins(minutes)
    }

    fn condition(key: &str, text: &str, notify_after: Duration, repeat_after: Option<Duration>) -> Condition {
        Condition {
            key: key.to_owned(),
            title: format!("{key} began"),
            text: text.to_owned(),
            resolved_title: format!("{key} is over"),
            urgency: Urgency::High,
            page: "/deliveries".to_owned(),
            notify_after,
            repeat_after,
        }
    }

    /// The titles that are said at a minute.
    fn titles(ledger: &mut ConditionLedger, observed: &[Condition], minute: i64) -> Vec<String> {
        let said = ledger.observe(observed.to_vec(), at(minute));
        said.into_iter().map(|notification| notification.title).collect()
    }

    #[test]
    fn a_condition_is_said_once_and_has_an_end() {
        let mut ledger = ConditionLedger::default();
        let away = [condition("away:bob", "no answer", HOUR, None)];
        assert!(titles(&mut ledger, &away, 0).is_empty());
        assert!(titles(&mut ledger, &away, 59).is_empty());
        assert_eq!(titles(&mut ledger, &away, 60), ["away:bob began"]);
        assert!(titles(&mut ledger, &away, 61).is_empty());
        // It is away for a moment, and there again: it is the same one.
        assert!(titles(&mut ledger, &[], 62).is_empty());
        assert!(titles(&mut ledger, &away, 64).is_empty());
        assert!(titles(&mut ledger, &[], 65).is_empty());
        assert_eq!(titles(&mut ledger, &[], 70), ["away:bob is over"]);
        assert!(titles(&mut ledger, &[], 71).is_empty());
        assert_eq!(ledger, ConditionLedger::default());
    }

    #[test]
    fn a_condition_that_was_not_said_has_no_end() {
        let mut ledger = ConditionLedger::default();
        assert!(titles(&mut ledger, &[condition("a", "", HOUR, None)], 0).is_empty());
        assert!(titles(&mut ledger, &[], 30).is_empty());
        assert!(titles(&mut ledger, &[], 90).is_empty());
        // It begins anew: its hour too.
        assert!(titles(&mut ledger, &[condition("a", "", HOUR, None)], 100).is_empty());
        assert_eq!(titles(&mut ledger, &[condition("a", "", HOUR, None)], 160), ["a began"]);
    }

    #[test]
    fn what_is_repeated_says_something_new_and_not_too_often() {
        let mut ledger = ConditionLedger::default();
        let needs = |text: &str| [condition("needs-you", text, Duration::ZERO, Some(24 * HOUR))];
        assert_eq!(titles(&mut ledger, &needs("1 delivery"), 0).len(), 1);
        assert!(titles(&mut ledger, &needs("2 deliveries"), 60).is_empty());
        assert_eq!(titles(&mut ledger, &needs("2 deliveries"), 24 * 60).len(), 1);
        assert!(titles(&mut ledger, &needs("2 deliveries"), 48 * 60).is_empty());
    }

    #[test]
    fn a_clock_that_is_set_back_says_nothing_twice() {
        let mut ledger = ConditionLedger::default();
        let disk = [condition("disk", "", Duration::ZERO, Some(HOUR))];
        assert_eq!(titles(&mut ledger, &disk, 600).len(), 1);
        assert!(titles(&mut ledger, &disk, 0).is_empty());
    }

    proptest! {
        /// Whatever comes and goes: beginnings and ends alternate for each key, no id is used twice, and what lasts through a restart is the same.
        #[test]
        fn beginnings_and_ends_alternate(steps in prop::collection::vec((0..20_i64, prop::bits::u8::ANY), 1..60)) {
            let mut ledger = ConditionLedger::default();
            let (mut minute, mut ids) = (0, std::collections::BTreeSet::new());
            let mut begun = BTreeMap::new();
            for (passed, keys) in steps {
                minute += passed;
                let there = (0..8).filter(|bit| keys & (1 << bit) != 0);
                let delay = |bit: u64| Duration::from_secs(bit * 60);
                let observed = there.map(|bit| condition(&bit.to_string(), "", delay(bit), None)).collect();
                let restarted: ConditionLedger = serde_json::from_value(serde_json::to_value(&ledger).unwrap()).unwrap();
                prop_assert_eq!(&restarted, &ledger);
                for notification in ledger.observe(observed, at(minute)) {
                    prop_assert!(ids.insert(notification.id.clone()), "{}", notification.id);
                    let was_begun = begun.insert(notification.condition.clone(), !notification.resolved);
                    prop_assert_eq!(was_begun.unwrap_or(false), notification.resolved, "{:?}", notification);
                }
            }
        }
    }
}
