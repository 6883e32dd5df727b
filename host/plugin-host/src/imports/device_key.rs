//! `device-key`

use playrelay_util::clock;

use crate::bindings::playrelay::plugin::device_key::{Failure, Host};
use crate::call_state::CallState;
use crate::device_key::DeviceKey;
use crate::placeholders::SecretPlaceholders;
use crate::text;

impl CallState {
    /// The key and the markers of the login that this call is a step of.
    fn with_device_key<T>(
        &mut self,
        work: impl FnOnce(&DeviceKey, &SecretPlaceholders) -> Result<T, String>,
    ) -> Result<T, Failure> {
        let placeholders = self.context.placeholders.as_ref().filter(|_| self.context.is_login);
        let Some(placeholders) = placeholders else {
            let reason = "a device key serves in calls of `auth` alone";
            if let Some(account) = &self.context.account {
                account.outbound.denied("device-key", reason);
            }
            return Err(Failure::Rejected(reason.to_owned()));
        };
        let key = placeholders.device_key_or_new().map_err(|error| Failure::Rejected(error.to_string()))?;
        work(&key, placeholders).map_err(Failure::Rejected)
    }
}

impl Host for CallState {
    fn public_jwk(&mut self) -> wasmtime::Result<Result<String, Failure>> {
        Ok(self.with_device_key(|key, _| Ok(key.public_jwk().to_string())))
    }

    fn sign(
        &mut self,
        claims: String,
        lifetime_s: u32,
        secret: String,
    ) -> wasmtime::Result<Result<(), Failure>> {
        Ok(self.with_device_key(|key, placeholders| {
            let name = text::whole(secret, text::ID).ok_or("the name of the secret is too long")?;
            let token = key.sign(&claims, lifetime_s, clock::now()).map_err(|error| error.to_string())?;
            placeholders.keep(&name, token)
        }))
    }
}
