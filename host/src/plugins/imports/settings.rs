//! `settings`

use crate::plugins::bindings::playrelay::plugin::settings::Host;
use crate::plugins::call::CallState;

impl Host for CallState {
    fn get(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        Ok(self.context.account.as_ref().and_then(|account| account.settings.get(&key).cloned()))
    }
}
