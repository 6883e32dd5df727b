//! `settings`

use crate::bindings::playrelay::plugin::settings::Host;
use crate::call_state::CallState;
use crate::recording::host_calls::host_call;

/// The name under which a guest gets the random name of this installation and account.
const INSTANCE: &str = "host.instance";

impl Host for CallState {
    fn get(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        host_call!(self, "settings.get", (&key,), self.setting(&key))
    }
}

impl CallState {
    fn setting(&self, key: &str) -> Option<String> {
        let account = self.context.account.as_ref()?;
        match key {
            INSTANCE => Some(account.outbound.instance().to_owned()),
            key => account.settings.get(key).cloned(),
        }
    }
}
