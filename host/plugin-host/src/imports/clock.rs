//! `clock`

use jiff::Timestamp;
use playrelay_util::clock;

use crate::bindings::playrelay::plugin::clock::Host;
use crate::call_state::CallState;

impl Host for CallState {
    fn now(&mut self) -> wasmtime::Result<String> {
        let now: Timestamp = self.context.clock.unwrap_or_else(clock::now);
        Ok(now.to_string())
    }
}
