//! `numbering`

use playrelay_engine::mapping::numbering::Order;
use playrelay_engine::model::Item;
use wasmtime::Store;

use crate::bindings::exports::playrelay::plugin::numbering::{self as contract, Guest};
use crate::call_state::CallState;
use crate::capabilities::capability::Capability;
use crate::convert;
use crate::failure::Failure;
use crate::limits::Budget;
use crate::recording::functions::guest_call;

/// Knows an episode by its number in another order.
pub enum Locate {}

/// An episode, and the order of its numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct LocateInput {
    /// The episode.
    pub episode: Item,
    /// The order.
    pub order: Order,
}

impl Capability for Locate {
    type Interface = Guest;
    const BUDGET: Budget = Budget::SERVICE;
    type Input = LocateInput;
    type Output = Result<Option<Item>, Failure>;

    async fn call(
        guest: &Guest,
        store: &mut Store<CallState>,
        input: Self::Input,
    ) -> wasmtime::Result<Self::Output> {
        let episode = convert::to_guest(&input.episode);
        let order = match input.order {
            Order::Aired => contract::Order::Aired,
            Order::Absolute => contract::Order::Absolute,
            Order::Dvd => contract::Order::Dvd,
            Order::Digital => contract::Order::Digital,
            Order::StoryArc => contract::Order::StoryArc,
            Order::Production => contract::Order::Production,
            Order::Broadcast => contract::Order::Broadcast,
            Order::AirDate => contract::Order::AirDate,
        };
        let answer = guest_call!(store, "numbering.locate", guest.call_locate(&episode, order));
        Ok(answer.map(|found| found.map(convert::item)).map_err(convert::failure))
    }
}
