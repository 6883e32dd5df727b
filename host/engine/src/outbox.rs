//! Deliveries: events for trackers, and what has become of each.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::event::{Receipt, TrackerEvent};
use crate::model::Item;

/// The state of an event for a tracker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// It is still to be sent.
    Waiting,
    /// The tracker took it.
    Delivered,
    /// The tracker had it.
    Duplicate,
    /// The tracker knows no such item.
    Unmatched,
    /// The tracker has no such action.
    Unsupported,
    /// A newer one has taken its place, or it is no longer true.
    Superseded,
    /// It only takes back a pause that the tracker was not sent. It is sent if the pause arrives after all.
    Withheld,
    /// It is not clear what it is about; a person has to say.
    Held,
    /// There was nothing to do.
    Skipped,
    /// Somebody has said that it is not to be sent.
    Dropped,
    /// It can never be sent, or could not for too long. Kept.
    Dead,
}

impl DeliveryState {
    /// Those in which a person has to say what becomes of the delivery.
    pub const NEED_A_PERSON: [Self; 3] = [Self::Unmatched, Self::Held, Self::Dead];

    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Waiting,
        Self::Delivered,
        Self::Duplicate,
        Self::Unmatched,
        Self::Unsupported,
        Self::Superseded,
        Self::Withheld,
        Self::Held,
        Self::Skipped,
        Self::Dropped,
        Self::Dead,
    ];

    /// The code of the step that says that a delivery has it.
    pub fn code(self) -> Code {
        match self {
            Self::Waiting => Code::Waiting,
            Self::Delivered => Code::Delivered,
            Self::Duplicate => Code::Duplicate,
            Self::Unmatched => Code::Unmatched,
            Self::Unsupported => Code::Unsupported,
            Self::Superseded => Code::Superseded,
            Self::Withheld => Code::Withheld,
            Self::Held => Code::Held,
            Self::Skipped => Code::Skipped,
            Self::Dropped => Code::Dropped,
            Self::Dead => Code::Dead,
        }
    }

    /// The name, as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Duplicate => "duplicate",
            Self::Unmatched => "unmatched",
            Self::Unsupported => "unsupported",
            Self::Superseded => "superseded",
            Self::Withheld => "withheld",
            Self::Held => "held",
            Self::Skipped => "skipped",
            Self::Dropped => "dropped",
            Self::Dead => "dead",
        }
    }
}

/// An event in the outbox.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutboxRow {
    /// Grows by time; also the event's idempotency key.
    pub id: i64,
    /// The request that led to it.
    pub inbox: i64,
    /// Whether it came of that request later: a play fell silent, or its user was assigned.
    pub later: bool,
    /// The event.
    #[serde(flatten)]
    pub event: TrackerEvent,
    /// The state.
    pub state: DeliveryState,
    /// Attempts so far.
    pub attempts: u32,
    /// Whether an attempt may have been applied without an answer.
    pub uncertain: bool,
    /// Since when it is to be told: when it was put there, or a person has said that it is to be tried again.
    pub since: Timestamp,
    /// When it is tried next, while it waits.
    pub next_at: Timestamp,
    /// The result of the last attempt, one sentence; absent before the first.
    pub note: Option<String>,
}

/// A command of a person for events in the outbox.
#[derive(Clone, Debug, PartialEq)]
pub enum OutboxCommand {
    /// Send them once more, now.
    Retry,
    /// Never send them.
    Drop,
    /// It is about another item than was thought: send it once more, now.
    Match(Box<Item>),
}

/// Which events in the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutboxSelection {
    /// This one.
    One(i64),
    /// All that are dead or unmatched.
    AllFailed,
    /// All that wait after a failure.
    AllWaiting,
}

/// The outcome of one attempt to deliver.
#[derive(Clone, Debug, PartialEq)]
pub enum AttemptOutcome {
    /// It is settled.
    Settled {
        /// The state in which it ends.
        state: DeliveryState,
        /// The reason, one sentence for people.
        note: String,
        /// The tracker's answer.
        receipt: Option<Receipt>,
    },
    /// It stays in the outbox.
    Postponed {
        /// Until when.
        next_at: Timestamp,
        /// The reason, one sentence for people.
        note: String,
        /// Whether it may have been applied.
        uncertain: bool,
    },
}
