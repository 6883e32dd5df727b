//! What a notifier has still to send.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::notifications::{Notification, has_passed};

/// Notifications that wait for one notifier. An older one makes room for a newer one.
const MAX_WAITING: usize = 30;
/// The queue drops a notification that it could not send for this long: the reader would take it for news.
const MAX_AGE: Duration = Duration::from_secs(24 * 60 * 60);
/// The pause after a first failure. Each further one doubles it…
const FIRST_PAUSE: Duration = Duration::from_secs(60);
/// …up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);

/// A notification that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuedNotification {
    /// The notification.
    pub notification: Notification,
    /// Attempts that failed.
    pub attempts: u32,
}

/// What a notifier has still to send, the oldest first, and how it went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationQueue {
    waiting: VecDeque<QueuedNotification>,
    /// When the next attempt may be made, UTC; absent: at once.
    paused_until: Option<Timestamp>,
    /// When one was last sent, UTC; absent if none was.
    pub sent_at: Option<Timestamp>,
    /// Why the last attempt failed, one sentence for people; absent if it did not.
    pub failure: Option<String>,
}

impl NotificationQueue {
    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Adds a notification. An end whose beginning nobody has tried to send yet takes that with it: there is nothing to tell.
    pub fn push(&mut self, notification: Notification) {
        let is_of_it = |queued: &QueuedNotification| {
            queued.notification.condition == notification.condition && queued.attempts == 0
        };
        if notification.resolved && self.waiting.iter().any(is_of_it) {
            self.waiting.retain(|queued| !is_of_it(queued));
            return;
        }
        if self.waiting.len() >= MAX_WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back(QueuedNotification { notification, attempts: 0 });
    }

    /// The notification to send now; absent where nothing waits, or a pause lasts. Those that are too old are dropped.
    pub fn next(&mut self, now: Timestamp) -> Option<&QueuedNotification> {
        self.waiting.retain(|queued| !has_passed(queued.notification.at, now, MAX_AGE));
        let is_paused = self.paused_until.is_some_and(|until| now < until);
        self.waiting.front().filter(|_| !is_paused)
    }

    /// The first was sent.
    pub fn sent(&mut self, now: Timestamp) {
        self.waiting.pop_front();
        self.paused_until = None;
        self.sent_at = Some(now);
        self.failure = None;
    }

    /// The first was refused for good: it is given up, and the next one is tried.
    pub fn refused(&mut self, reason: &str) {
        self.waiting.pop_front();
        self.paused_until = None;
        self.failure = Some(reason.to_owned());
    }

    /// The first could not be sent. The next attempt is made after a pause that grows, and no earlier than `after`, where the service says so.
    pub fn failed(&mut self, reason: &str, after: Option<Duration>, now: Timestamp) {
        self.failure = Some(reason.to_owned());
        let Some(first) = self.waiting.front_mut() else { return };
        let pause = FIRST_PAUSE.saturating_mul(1 << first.attempts.min(6)).min(LONGEST_PAUSE);
        first.attempts = first.attempts.saturating_add(1);
        let pause = pause.max(after.unwrap_or_default()).min(MAX_AGE);
        let pause = SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX);
        self.paused_until = Some(now.saturating_add(pause).unwrap_or(Timestamp::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notifications::Urgency;

    fn at(minutes: i64) -> Timestamp {
        let start: Timestamp = "2026-11-21T20:00:00Z".parse().unwrap();
        start + SignedDuration::from_mins(minutes)
    }

    fn notification(condition: &str, resolved: bool, minute: i64) -> Notification {
        Notification {
            id: format!("{condition}{minute}"),
            condition: condition.to_owned(),
            title: condition.to_owned(),
            text: String::new(),
            urgency: Urgency::Normal,
            page: "/".to_owned(),
            resolved,
            at: at(minute),
        }
    }

    fn next(queue: &mut NotificationQueue, minute: i64) -> Option<String> {
        queue.next(at(minute)).map(|queued| queued.notification.id.clone())
    }

    #[test]
    fn an_end_takes_a_beginning_with_it_that_was_not_sent() {
        let mut queue = NotificationQueue::default();
        queue.push(notification("disk", false, 0));
        queue.push(notification("login", false, 1));
        queue.push(notification("disk", true, 2));
        assert_eq!((queue.len(), next(&mut queue, 2)), (1, Some("login1".to_owned())));
        // Where an attempt was made, somebody may have read it.
        queue.failed("no answer", None, at(2));
        queue.push(notification("login", true, 3));
        assert_eq!(queue.len(), 2);
    }

    #[test]
    fn a_failure_pauses_longer_each_time_and_an_old_notification_is_dropped() {
        let mut queue = NotificationQueue::default();
        queue.push(notification("disk", false, 0));
        queue.failed("no answer", None, at(0));
        assert_eq!((next(&mut queue, 0), next(&mut queue, 1)), (None, Some("disk0".to_owned())));
        queue.failed("no answer", None, at(1));
        assert_eq!((next(&mut queue, 2), next(&mut queue, 3)), (None, Some("disk0".to_owned())));
        queue.failed("too many requests", Some(Duration::from_secs(600)), at(3));
        assert_eq!((next(&mut queue, 12), next(&mut queue, 13)), (None, Some("disk0".to_owned())));
        for _ in 0..20 {
            queue.failed("no answer", None, at(13));
        }
        assert_eq!((next(&mut queue, 72), next(&mut queue, 73)), (None, Some("disk0".to_owned())));
        assert_eq!(queue.failure.as_deref(), Some("no answer"));
        queue.sent(at(73));
        assert_eq!((queue.is_empty(), queue.failure.clone(), queue.sent_at), (true, None, Some(at(73))));
        queue.push(notification("old", false, 0));
        assert_eq!((next(&mut queue, 24 * 60), queue.len()), (None, 0));
    }

    #[test]
    fn what_is_refused_holds_nothing_up_and_the_queue_has_an_end() {
        let mut queue = NotificationQueue::default();
        for minute in 0..40 {
            queue.push(notification("n", false, minute));
        }
        assert_eq!((queue.len(), next(&mut queue, 40)), (MAX_WAITING, Some("n10".to_owned())));
        queue.refused("no such topic");
        assert_eq!(
            (next(&mut queue, 40), queue.failure.as_deref()),
            (Some("n11".to_owned()), Some("no such topic"))
        );
    }
}
