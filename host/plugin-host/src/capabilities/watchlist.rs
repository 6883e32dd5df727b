//! `watchlist`

use playrelay_engine::event::Receipt;
use playrelay_engine::model::Item;
use wasmtime::Store;

use crate::bindings::exports::playrelay::plugin::watchlist::{Guest, Page};
use crate::bindings::playrelay::plugin::types;
use crate::call_state::CallState;
use crate::capabilities::capability::Capability;
use crate::capabilities::sink::receipt;
use crate::failure::Failure;
use crate::limits::Budget;
use crate::recording::functions::guest_call;
use crate::{convert, text};

/// Reads a page of a watchlist.
pub enum ReadWatchlist {}

/// Entries of a watchlist.
#[derive(Clone, Debug, PartialEq)]
pub struct WatchlistPage {
    /// Titles, with when each was put on the list, as the service writes it; absent where it does not say.
    pub entries: Vec<(Item, Option<String>)>,
    /// Where the next page begins; absent on the last.
    pub cursor: Option<String>,
}

impl Capability for ReadWatchlist {
    type Interface = Guest;
    const BUDGET: Budget = Budget::SERVICE;
    /// Where the page begins; absent for the first.
    type Input = Option<String>;
    type Output = Result<WatchlistPage, Failure>;

    async fn call(
        guest: &Guest,
        store: &mut Store<CallState>,
        cursor: Self::Input,
    ) -> wasmtime::Result<Self::Output> {
        let answer = guest_call!(store, "watchlist.entries", guest.call_entries(cursor.as_deref()));
        let page = |page: Page| WatchlistPage {
            entries: page
                .entries
                .into_iter()
                .map(|entry| (convert::item(entry.item), entry.added_at.map(|at| text::cut(&at, text::KEY))))
                .collect(),
            cursor: page.cursor.map(|cursor| text::cut(&cursor, text::KEY)),
        };
        Ok(answer.map(page).map_err(convert::failure))
    }
}

/// Puts an item on a watchlist.
pub enum AddWatchlist {}

impl Capability for AddWatchlist {
    type Interface = Guest;
    const BUDGET: Budget = Budget::SERVICE;
    type Input = Item;
    type Output = Result<Receipt, Failure>;

    async fn call(
        guest: &Guest,
        store: &mut Store<CallState>,
        item: Self::Input,
    ) -> wasmtime::Result<Self::Output> {
        let items = [convert::to_guest(&item)];
        let answer = guest_call!(store, "watchlist.add", guest.call_add(&items));
        Ok(only(answer))
    }
}

/// The one receipt for one item.
fn only(answer: Result<Vec<types::Receipt>, types::Failure>) -> Result<Receipt, Failure> {
    match answer {
        Ok(receipts) => receipts
            .into_iter()
            .next()
            .map(receipt)
            .ok_or_else(|| Failure::Rejected("the plugin gave no receipt for the item".to_owned())),
        Err(failure) => Err(convert::failure(failure)),
    }
}

/// Takes an item off a watchlist.
pub enum RemoveWatchlist {}

impl Capability for RemoveWatchlist {
    type Interface = Guest;
    const BUDGET: Budget = Budget::SERVICE;
    type Input = Item;
    type Output = Result<Receipt, Failure>;

    async fn call(
        guest: &Guest,
        store: &mut Store<CallState>,
        item: Self::Input,
    ) -> wasmtime::Result<Self::Output> {
        let items = [convert::to_guest(&item)];
        let answer = guest_call!(store, "watchlist.remove", guest.call_remove(&items));
        Ok(only(answer))
    }
}
