//! `server-history`

use jiff::Timestamp;
use playrelay_engine::model::Report;
use wasmtime::Store;

use crate::bindings::exports::playrelay::plugin::server_history::Guest;
use crate::call_state::CallState;
use crate::capabilities::capability::Capability;
use crate::capabilities::webhook;
use crate::failure::Failure;
use crate::limits::Budget;
use crate::recording::functions::guest_call;
use crate::{convert, text};

/// Tells what was played.
pub enum ServerHistory {}

/// The input of [`ServerHistory`].
pub struct SinceInput {
    /// The cursor of the page before; absent for the first.
    pub cursor: Option<String>,
    /// Older plays are ignored. UTC.
    pub since: Timestamp,
    /// Now.
    pub now: Timestamp,
    /// The source's name: the id of the server if the server gives none.
    pub source: String,
}

/// A part of a server's history.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryPage {
    /// The plays.
    pub reports: Vec<Report>,
    /// Where to go on, where there is more.
    pub next: Option<String>,
}

impl Capability for ServerHistory {
    type Interface = Guest;
    const NAME: &'static str = "server-history.plays-since";
    const BUDGET: Budget = Budget::SERVICE;
    type Input = SinceInput;
    type Output = Result<HistoryPage, Failure>;

    async fn call(
        guest: &Guest,
        store: &mut Store<CallState>,
        input: Self::Input,
    ) -> wasmtime::Result<Self::Output> {
        let SinceInput { cursor, since, now, source } = input;
        let since = since.to_string();
        let page = match guest_call!(
            store,
            "server-history.plays-since",
            guest.call_plays_since(cursor.as_deref(), &since)
        ) {
            Ok(page) => page,
            Err(failure) => return Ok(Err(convert::failure(failure))),
        };
        let reports = webhook::read(page.reports, &source, now)?;
        let next = page.more.then_some(page.cursor).map(|cursor| text::cut(&cursor, text::WORDS));
        Ok(Ok(HistoryPage { reports, next }))
    }
}
