//! `enrich`

use futures_util::future::BoxFuture;
use playrelay_engine::model::Item;
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use crate::bindings::exports::playrelay::plugin::enrich::GuestIndices;
use crate::call_state::CallState;
use crate::capabilities::capability::Capability;
use crate::convert;
use crate::failure::Failure;
use crate::limits::Budget;

/// Fills in what an item lacks.
pub enum Enrich {}

impl Capability for Enrich {
    const NAME: &'static str = "enrich";
    const BUDGET: Budget = Budget::LOOKUP;
    type Input = Item;
    type Output = Result<Item, Failure>;

    fn call<'a>(
        pre: &'a InstancePre<CallState>,
        store: &'a mut Store<CallState>,
        instance: &'a Instance,
        item: Self::Input,
    ) -> BoxFuture<'a, wasmtime::Result<Self::Output>> {
        Box::pin(async move {
            let guest = GuestIndices::new(pre)?.load(&mut *store, instance)?;
            let answer = guest.call_resolve(store, &convert::to_guest(&item)).await?;
            Ok(answer.map(convert::item).map_err(convert::failure))
        })
    }
}
