//! Events for trackers, and the receipts of trackers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::model::Item;

/// What happened to an item. Percent from 0 to 100, ratings from 0 to 10.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", content = "value", rename_all = "lowercase")]
pub enum Action {
    /// It plays.
    Playing(f64),
    /// It is paused.
    Paused(f64),
    /// It ended without being watched.
    Stopped(f64),
    /// It was watched.
    Watched(f64),
    /// It was rated.
    Rated(f64),
    /// Its rating was cleared.
    Unrated,
    /// It was marked as not watched.
    Unwatched,
    /// It, or the show that it ends, is no longer to be on the watchlist.
    #[serde(rename = "unlisted")]
    RemoveFromWatchlist,
}

/// How an event is treated while it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryClass {
    /// Latest wins; one that is no longer true is not sent.
    Presence,
    /// Never superseded, never dropped.
    Watch,
    /// Never dropped; a newer one of the same item supersedes it.
    Rating,
    /// Never superseded; the same twice does no harm.
    Removal,
}

impl DeliveryClass {
    /// The name, as it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Presence => "presence",
            Self::Watch => "watch",
            Self::Rating => "rating",
            Self::Removal => "removal",
        }
    }
}

impl Action {
    /// The name, as it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Playing(_) => "playing",
            Self::Paused(_) => "paused",
            Self::Stopped(_) => "stopped",
            Self::Watched(_) => "watched",
            Self::Rated(_) => "rated",
            Self::Unrated => "unrated",
            Self::Unwatched => "unwatched",
            Self::RemoveFromWatchlist => "unlisted",
        }
    }

    /// The code of the step that says that it is queued.
    pub fn code(self) -> Code {
        match self {
            Self::Playing(_) => Code::Playing,
            Self::Paused(_) => Code::Paused,
            Self::Stopped(_) => Code::Stopped,
            Self::Watched(_) => Code::Watched,
            Self::Rated(_) => Code::Rated,
            Self::Unrated => Code::Unrated,
            Self::Unwatched => Code::Unwatched,
            Self::RemoveFromWatchlist => Code::Unlisted,
        }
    }

    /// How it is treated while it waits.
    pub fn delivery_class(self) -> DeliveryClass {
        match self {
            Self::Playing(_) | Self::Paused(_) | Self::Stopped(_) => DeliveryClass::Presence,
            Self::Watched(_) | Self::Unwatched => DeliveryClass::Watch,
            Self::Rated(_) | Self::Unrated => DeliveryClass::Rating,
            Self::RemoveFromWatchlist => DeliveryClass::Removal,
        }
    }
}

/// An event for one tracker account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrackerEvent {
    /// The account's name in the configuration.
    pub tracker: String,
    /// The action.
    #[serde(flatten)]
    pub action: Action,
    /// The item.
    pub item: Item,
    /// The play or the rated item to which the event belongs. Events of one subject are sent in order, and supersede each other.
    pub subject: String,
    /// When it happened, UTC.
    pub at: Timestamp,
    /// When the play began, UTC; absent if there is no play.
    pub started_at: Option<Timestamp>,
    /// Not to be told before.
    pub not_before: Timestamp,
    /// The accounts off whose watchlists it goes once the tracker has confirmed the watch.
    #[serde(rename = "unlist_from", default, skip_serializing_if = "Vec::is_empty")]
    pub remove_from: Vec<String>,
    /// The tracker's id of the one play that [`Action::Unwatched`] is about; absent where it is about all plays of the item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_id: Option<String>,
}

/// How a tracker took an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReceiptOutcome {
    /// It did.
    Accepted,
    /// It had it already.
    Duplicate,
    /// It knows no such item.
    Unmatched,
    /// It has no such action.
    Unsupported,
}

/// A tracker's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// How the tracker took the event.
    pub outcome: ReceiptOutcome,
    /// The tracker's id of the entry; absent if it gives none.
    pub remote_id: Option<String>,
    /// The ids of the item that it matched.
    pub matched: Vec<(String, String)>,
    /// A note, one sentence for people.
    pub note: Option<String>,
}
