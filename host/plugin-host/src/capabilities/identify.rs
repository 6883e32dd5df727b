//! `identify`

use futures_util::future::BoxFuture;
use playrelay_engine::model::{Playback, User};
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use crate::bindings::exports::playrelay::plugin::identify::{GuestIndices, Sighting};
use crate::call_state::CallState;
use crate::capabilities::capability::Capability;
use crate::convert;
use crate::failure::Failure;
use crate::limits::Budget;

/// Says whose a playback is.
pub enum Identify {}

impl Capability for Identify {
    const NAME: &'static str = "identify";
    const BUDGET: Budget = Budget::LOOKUP;
    type Input = Playback;
    type Output = Result<User, Failure>;

    fn call<'a>(
        pre: &'a InstancePre<CallState>,
        store: &'a mut Store<CallState>,
        instance: &'a Instance,
        playback: Self::Input,
    ) -> BoxFuture<'a, wasmtime::Result<Self::Output>> {
        Box::pin(async move {
            let guest = GuestIndices::new(pre)?.load(&mut *store, instance)?;
            let sighting = Sighting {
                user: convert::user_to_guest(&playback.user),
                player: convert::player_to_guest(&playback.player),
                session: playback.session.clone(),
                item: convert::to_guest(&playback.item),
            };
            let answer = guest.call_whose(store, &sighting).await?;
            Ok(answer.map(convert::user).map_err(convert::failure))
        })
    }
}
