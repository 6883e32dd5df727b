//! `check`

use futures_util::future::BoxFuture;
use serde::Serialize;
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use crate::bindings::exports::playrelay::plugin::check::GuestIndices;
use crate::call_state::CallState;
use crate::capabilities::capability::Capability;
use crate::failure::Failure;
use crate::limits::Budget;
use crate::{convert, text};

/// Asks a service who we are.
pub enum Check {}

/// Who a service says we are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccountInfo {
    /// The account.
    pub name: String,
    /// The service's id of it.
    pub id: Option<String>,
    /// What is worth knowing.
    pub details: Vec<(String, String)>,
}

impl Capability for Check {
    const NAME: &'static str = "check";
    const BUDGET: Budget = Budget::SERVICE;
    type Input = ();
    type Output = Result<AccountInfo, Failure>;

    fn call<'a>(
        pre: &'a InstancePre<CallState>,
        store: &'a mut Store<CallState>,
        instance: &'a Instance,
        (): Self::Input,
    ) -> BoxFuture<'a, wasmtime::Result<Self::Output>> {
        Box::pin(async move {
            let guest = GuestIndices::new(pre)?.load(&mut *store, instance)?;
            let answer = guest.call_run(store).await?;
            let info = answer.map(|account| AccountInfo {
                name: text::cut(&account.name, text::NAME),
                id: account.id.and_then(|id| text::whole(id, text::KEY)),
                details: convert::fields(account.details),
            });
            Ok(info.map_err(convert::failure))
        })
    }
}
