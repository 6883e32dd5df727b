//! `enrich`

use playrelay_engine::model::Item;
use wasmtime::Store;

use crate::bindings::exports::playrelay::plugin::enrich::Guest;
use crate::call_state::CallState;
use crate::capabilities::capability::Capability;
use crate::convert;
use crate::failure::Failure;
use crate::limits::Budget;
use crate::recording::functions::guest_call;

/// Fills in what an item lacks.
pub enum Enrich {}

impl Capability for Enrich {
    type Interface = Guest;
    const BUDGET: Budget = Budget::LOOKUP;
    type Input = Item;
    type Output = Result<Item, Failure>;

    async fn call(
        guest: &Guest,
        store: &mut Store<CallState>,
        item: Self::Input,
    ) -> wasmtime::Result<Self::Output> {
        let item = convert::to_guest(&item);
        let answer = guest_call!(store, "enrich.resolve", guest.call_resolve(&item));
        Ok(answer.map(convert::item).map_err(convert::failure))
    }
}
