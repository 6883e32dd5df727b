//! `settings`

use crate::bindings::playrelay::plugin::settings::Host;
use crate::call_state::CallState;

/// The name under which a guest gets the random name of this installation and account.
const INSTANCE: &str = "host.instance";

impl Host for CallState {
    fn get(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        let Some(account) = &self.context.account else { return Ok(None) };
        Ok(match key.as_str() {
            INSTANCE => Some(account.outbound.instance().to_owned()),
            key => account.settings.get(key).cloned(),
        })
    }
}
