//! `clock`

use playrelay_util::clock;

use crate::bindings::playrelay::plugin::clock::Host;
use crate::call_state::CallState;
use crate::recording::host_calls::host_call;

impl Host for CallState {
    fn now(&mut self) -> wasmtime::Result<String> {
        let now = || self.context.clock.unwrap_or_else(clock::now).to_string();
        host_call!(self, "clock.now", (), now())
    }
}
