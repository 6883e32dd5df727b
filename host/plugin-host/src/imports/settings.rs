//! `settings`

use crate::bindings::playrelay::plugin::settings::Host;
use crate::call_state::CallState;

/// The name under which a guest gets the random name of this installation and account.
const INSTANCE: &str = "host.instance";

impl Host for CallState {
    fn get(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        let question = self.context.log.question("settings.get", &(&key,));
        if let Some(value) = self.context.log.answer(&question)? {
            return Ok(value);
        }
        let value = self.context.account.as_ref().and_then(|account| match key.as_str() {
            INSTANCE => Some(account.outbound.instance().to_owned()),
            key => account.settings.get(key).cloned(),
        });
        self.context.log.note(question, &value);
        Ok(value)
    }
}
