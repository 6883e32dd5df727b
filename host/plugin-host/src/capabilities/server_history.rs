//! `server-history`

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use playrelay_engine::model::Report;
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use crate::bindings::exports::playrelay::plugin::server_history::GuestIndices;
use crate::call_state::CallState;
use crate::capabilities::capability::Capability;
use crate::capabilities::webhook;
use crate::failure::Failure;
use crate::limits::Budget;
use crate::{convert, text};

/// Tells what was played.
pub enum ServerHistory {}

/// What [`Since`] is called with.
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
    const NAME: &'static str = "server-history.since";
    const BUDGET: Budget = Budget::SERVICE;
    type Input = SinceInput;
    type Output = Result<HistoryPage, Failure>;

    fn call<'a>(
        pre: &'a InstancePre<CallState>,
        store: &'a mut Store<CallState>,
        instance: &'a Instance,
        input: Self::Input,
    ) -> BoxFuture<'a, wasmtime::Result<Self::Output>> {
        Box::pin(async move {
            let guest = GuestIndices::new(pre)?.load(&mut *store, instance)?;
            let SinceInput { cursor, since, now, source } = input;
            let page = match guest.call_since(store, cursor.as_deref(), &since.to_string()).await? {
                Ok(page) => page,
                Err(failure) => return Ok(Err(convert::failure(failure))),
            };
            let reports = webhook::read(page.reports, &source, now)?;
            let next = page.more.then_some(page.cursor).map(|cursor| text::cut(&cursor, text::WORDS));
            Ok(Ok(HistoryPage { reports, next }))
        })
    }
}
