//! `airing`

use playrelay_engine::model::Item;
use wasmtime::Store;

use crate::bindings::exports::playrelay::plugin::airing::Guest;
use crate::call_state::CallState;
use crate::capabilities::capability::Capability;
use crate::convert;
use crate::failure::Failure;
use crate::limits::Budget;
use crate::recording::functions::guest_call;

/// Knows the last episode of a show that has aired.
pub enum LastAired {}

impl Capability for LastAired {
    type Interface = Guest;
    const BUDGET: Budget = Budget::SERVICE;
    type Input = Item;
    type Output = Result<Option<Item>, Failure>;

    async fn call(
        guest: &Guest,
        store: &mut Store<CallState>,
        show: Self::Input,
    ) -> wasmtime::Result<Self::Output> {
        let show = convert::to_guest(&show);
        let answer = guest_call!(store, "airing.last-aired", guest.call_last_aired(&show));
        Ok(answer.map(|last| last.map(convert::item)).map_err(convert::failure))
    }
}
