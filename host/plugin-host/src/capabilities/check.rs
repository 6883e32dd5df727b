//! `check`

use serde::Serialize;
use wasmtime::Store;

use crate::bindings::exports::playrelay::plugin::check::Guest;
use crate::call_state::CallState;
use crate::capabilities::capability::Capability;
use crate::failure::Failure;
use crate::limits::Budget;
use crate::recording::functions::guest_call;
use crate::{convert, text};

/// Asks a service who we are.
pub enum Check {}

/// The account, as the service names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccountInfo {
    /// The account.
    pub name: String,
    /// The service's id of it.
    pub id: Option<String>,
    /// The plan, the limits, the version: names and values.
    pub details: Vec<(String, String)>,
}

impl Capability for Check {
    type Interface = Guest;
    const BUDGET: Budget = Budget::SERVICE;
    type Input = ();
    type Output = Result<AccountInfo, Failure>;

    async fn call(
        guest: &Guest,
        store: &mut Store<CallState>,
        (): Self::Input,
    ) -> wasmtime::Result<Self::Output> {
        let answer = guest_call!(store, "check.account", guest.call_account());
        let info = answer.map(|account| AccountInfo {
            name: text::cut(&account.name, text::NAME),
            id: account.id.and_then(|id| text::whole(id, text::KEY)),
            details: convert::fields(account.details),
        });
        Ok(info.map_err(convert::failure))
    }
}
