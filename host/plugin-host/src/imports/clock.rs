//! `clock`

use jiff::Timestamp;
use playrelay_util::clock;

use crate::bindings::playrelay::plugin::clock::Host;
use crate::call_state::CallState;

impl Host for CallState {
    fn now(&mut self) -> wasmtime::Result<String> {
        let question = self.context.log.question("clock.now", &());
        if let Some(now) = self.context.log.answer(&question)? {
            return Ok(now);
        }
        let now: Timestamp = self.context.clock.unwrap_or_else(clock::now);
        let now = now.to_string();
        self.context.log.note(question, &now);
        Ok(now)
    }
}
