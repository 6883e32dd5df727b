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
use crate::{convert, text};

/// Tells what was played.
pub enum ServerHistory {}

/// What [`ServerHistory`] is called with.
pub struct SinceInput {
    /// What the page before gave.
    pub cursor: Option<String>,
    /// What is older is of no interest.
    pub since: Timestamp,
    /// Now.
    pub now: Timestamp,
    /// What stands for the server's id where the server gives none: the source's name.
    pub source: String,
}

/// A part of a server's history.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryPage {
    /// What was played.
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
        let page = match guest.call_plays_since(store, cursor.as_deref(), &since.to_string()).await? {
            Ok(page) => page,
            Err(failure) => return Ok(Err(convert::failure(failure))),
        };
        let reports = webhook::read(page.reports, &source, now)?;
        let next = page.more.then_some(page.cursor).map(|cursor| text::cut(&cursor, text::WORDS));
        Ok(Ok(HistoryPage { reports, next }))
    }
}
