//! `sink`

use jiff::Timestamp;
use playrelay_engine::event::{Action, Receipt, ReceiptOutcome};
use playrelay_engine::model::Item;
use wasmtime::Store;

use crate::bindings::exports::playrelay::plugin::sink;
use crate::bindings::exports::playrelay::plugin::sink::Guest;
use crate::bindings::playrelay::plugin::types;
use crate::call_state::CallState;
use crate::capabilities::capability::Capability;
use crate::failure::Failure;
use crate::limits::Budget;
use crate::{convert, text};

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
        let event = sink::Event {
            id: event.id,
            action: match event.action {
                Action::Playing(progress) => sink::Action::Playing(progress),
                Action::Paused(progress) => sink::Action::Paused(progress),
                Action::Stopped(progress) => sink::Action::Stopped(progress),
                Action::Watched(progress) => sink::Action::Watched(progress),
                Action::Rated(rating) => sink::Action::Rated(rating),
                Action::Unrated => sink::Action::Unrated,
                Action::Unwatched => sink::Action::Unwatched,
                Action::RemoveFromWatchlist => {
                    let reason = "a sink has no watchlist".to_owned();
                    return Ok(Err(Failure::Rejected(reason)));
                }
            },
            item: convert::to_guest(&event.item),
            at: event.at.to_string(),
            started_at: event.started_at.map(|at| at.to_string()),
            late: event.late,
            uncertain: event.uncertain,
            attempt: event.attempt,
            ext: Vec::new(),
        };
        let answer = guest.call_submit(store, &event).await?;
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
