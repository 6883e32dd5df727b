//! `identify`

use playrelay_engine::model::{Playback, User};
use wasmtime::Store;

use crate::bindings::exports::playrelay::plugin::identify::{Guest, Observation};
use crate::call_state::CallState;
use crate::capabilities::capability::Capability;
use crate::convert;
use crate::failure::Failure;
use crate::limits::Budget;
use crate::recording::functions::guest_call;

/// Says whose a playback is.
pub enum Identify {}

impl Capability for Identify {
    type Interface = Guest;
    const BUDGET: Budget = Budget::LOOKUP;
    type Input = Playback;
    type Output = Result<User, Failure>;

    async fn call(
        guest: &Guest,
        store: &mut Store<CallState>,
        playback: Self::Input,
    ) -> wasmtime::Result<Self::Output> {
        let observation = Observation {
            user: convert::user_to_guest(&playback.user),
            player: convert::player_to_guest(&playback.player),
            session: playback.session.clone(),
            item: convert::to_guest(&playback.item),
        };
        let answer = guest_call!(store, "identify.identify-user", guest.call_identify_user(&observation));
        Ok(answer.map(convert::user).map_err(convert::failure))
    }
}
