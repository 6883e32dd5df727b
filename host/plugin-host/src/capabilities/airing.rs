//! `airing`

use futures_util::future::BoxFuture;
use playrelay_engine::model::Item;
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use crate::bindings::exports::playrelay::plugin::airing::GuestIndices;
use crate::call_state::CallState;
use crate::capabilities::capability::Capability;
use crate::convert;
use crate::failure::Failure;
use crate::limits::Budget;

/// Knows the last episode of a show that has aired.
pub enum LastAired {}

impl Capability for LastAired {
    const NAME: &'static str = "airing";
    const BUDGET: Budget = Budget::SERVICE;
    type Input = Item;
    type Output = Result<Option<Item>, Failure>;

    fn call<'a>(
        pre: &'a InstancePre<CallState>,
        store: &'a mut Store<CallState>,
        instance: &'a Instance,
        show: Self::Input,
    ) -> BoxFuture<'a, wasmtime::Result<Self::Output>> {
        Box::pin(async move {
            let guest = GuestIndices::new(pre)?.load(&mut *store, instance)?;
            let answer = guest.call_last_aired(store, &convert::to_guest(&show)).await?;
            Ok(answer.map(|last| last.map(convert::item)).map_err(convert::failure))
        })
    }
}
