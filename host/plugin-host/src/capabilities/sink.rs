//! `sink`

use jiff::Timestamp;
use playrelay_engine::event::{Action, Receipt, ReceiptOutcome};
use playrelay_engine::model::Item;
use wasmtime::Store;

use crate::bindings::exports::playrelay::plugin::sink::Guest;
use crate::bindings::playrelay::plugin::{events, types};
use crate::call_state::CallState;
use crate::capabilities::capability::Capability;
use crate::failure::Failure;
use crate::limits::Budget;
use crate::recording::functions::guest_call;
use crate::{convert, text};

/// The name in `ext` of the tracker's id of a play.
const REMOTE_ID: &str = "remote-id";

/// Tells a tracker.
pub enum Sink {}

/// An event for a tracker. [`RemoveWatchlist`](crate::capabilities::RemoveWatchlist) takes removals from watchlists, so no `sink` is called with
/// [`Action::RemoveFromWatchlist`].
#[derive(Clone, Debug, PartialEq)]
pub struct SinkEvent {
    /// An idempotency key: the same for every attempt.
    pub id: String,
    /// The action.
    pub action: Action,
    /// The item.
    pub item: Item,
    /// When it happened, UTC.
    pub at: Timestamp,
    /// When the play began, UTC; absent if there is no play.
    pub started_at: Option<Timestamp>,
    /// Too long ago to be live.
    pub late: bool,
    /// An earlier attempt may have been applied.
    pub uncertain: bool,
    /// 1 at first.
    pub attempt: u32,
    /// The tracker's id of the one play that [`Action::Unwatched`] is about; absent for all plays of the item. Only a sink with
    /// `removes-plays` is told one.
    pub remote_id: Option<String>,
}

impl SinkEvent {
    /// The event as a guest gets it; absent for a removal from a watchlist, which no sink takes.
    pub(super) fn to_guest(&self) -> Option<events::Event> {
        Some(events::Event {
            id: self.id.clone(),
            action: match self.action {
                Action::Playing(progress) => events::Action::Playing(progress),
                Action::Paused(progress) => events::Action::Paused(progress),
                Action::Stopped(progress) => events::Action::Stopped(progress),
                Action::Watched(progress) => events::Action::Watched(progress),
                Action::Rated(rating) => events::Action::Rated(rating),
                Action::Unrated => events::Action::Unrated,
                Action::Unwatched => events::Action::Unwatched,
                Action::RemoveFromWatchlist => return None,
            },
            item: convert::to_guest(&self.item),
            at: self.at.to_string(),
            started_at: self.started_at.map(|at| at.to_string()),
            late: self.late,
            uncertain: self.uncertain,
            attempt: self.attempt,
            ext: self.remote_id.iter().map(|id| field(REMOTE_ID, id)).collect(),
        })
    }
}

fn field(name: &str, value: &str) -> types::Field {
    types::Field { name: name.to_owned(), value: value.to_owned() }
}

impl Capability for Sink {
    type Interface = Guest;
    const BUDGET: Budget = Budget::SERVICE;
    type Input = SinkEvent;
    type Output = Result<Receipt, Failure>;

    async fn call(
        guest: &Guest,
        store: &mut Store<CallState>,
        event: Self::Input,
    ) -> wasmtime::Result<Self::Output> {
        let Some(event) = event.to_guest() else {
            return Ok(Err(Failure::Rejected("a sink has no watchlist".to_owned())));
        };
        let answer = guest_call!(store, "sink.submit", guest.call_submit(&event));
        Ok(answer.map(receipt).map_err(convert::failure))
    }
}

pub(super) fn receipt(receipt: types::Receipt) -> Receipt {
    Receipt {
        outcome: match receipt.outcome {
            types::Outcome::Accepted => ReceiptOutcome::Accepted,
            types::Outcome::Duplicate => ReceiptOutcome::Duplicate,
            types::Outcome::Unmatched => ReceiptOutcome::Unmatched,
            types::Outcome::Unsupported => ReceiptOutcome::Unsupported,
        },
        remote_id: receipt.remote_id.and_then(|id| text::whole(id, text::KEY)),
        matched: receipt
            .matched
            .into_iter()
            .take(text::ENTRIES)
            .map(|id| (text::cut(&id.namespace, text::CODE), text::cut(&id.value, text::NAME)))
            .collect(),
        note: receipt.note.map(|note| text::cut(&note, text::WORDS)),
    }
}
