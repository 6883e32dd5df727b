//! What a person has to know: few things, each said once, and each with an end.
//!
//! - `condition`: something that needs a person for as long as it lasts
//! - `ledger`: which conditions last, and which of them were said
//! - `queue`: what a notifier has still to send
//! - `quiet`: hours in which nothing is sent

mod condition;
mod ledger;
mod queue;
mod quiet;

use std::time::Duration;

pub use condition::Condition;
use jiff::Timestamp;
pub use ledger::{ConditionLedger, LastingCondition};
pub use queue::{NotificationQueue, QueuedNotification};
pub use quiet::QuietHours;
use serde::{Deserialize, Serialize};

/// Whether so much time has passed since an instant. It has not where the clock was set back.
pub fn has_passed(since: Timestamp, now: Timestamp, least: Duration) -> bool {
    let passed = now.duration_since(since);
    !passed.is_negative() && passed.unsigned_abs() >= least
}

/// How much a person wants to be disturbed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Urgency {
    /// It can be read at any time.
    Low,
    /// It should be read today.
    Normal,
    /// Plays wait, or will be lost, until a person acts.
    High,
}

/// What a person is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// An idempotency key: the same for every attempt, and different for every other notification.
    pub id: String,
    /// The key of the condition: that of the notification which begins it is that of the one which ends it.
    pub condition: String,
    /// A few words.
    pub title: String,
    /// A sentence or two; can be empty.
    pub text: String,
    /// How much it disturbs.
    pub urgency: Urgency,
    /// The page that shows more, below the address of Playrelay: `/deliveries`.
    pub page: String,
    /// Whether it says that the condition is over.
    pub resolved: bool,
    /// When it was noticed, UTC.
    pub at: Timestamp,
}
