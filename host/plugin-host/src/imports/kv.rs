//! `kv`

use crate::bindings::playrelay::plugin::kv::{Error, Host};
use crate::call_state::CallState;
use crate::ports::KeyValue;
use crate::recording::host_calls::host_call;

/// Bytes of a value.
const VALUE_LIMIT: usize = 64 << 10;
/// Bytes of a key.
const KEY_LIMIT: usize = 256;
/// Bytes of all keys and values of an account.
const TOTAL_LIMIT: usize = 256 << 10;
/// Keys of an account.
const KEYS_LIMIT: usize = 1_000;

impl Host for CallState {
    async fn get(&mut self, key: String) -> wasmtime::Result<Result<Option<Vec<u8>>, Error>> {
        host_call!(self, "kv.get", (&key,), self.value(&key).await)
    }

    async fn set(
        &mut self,
        key: String,
        value: Vec<u8>,
        ttl_s: Option<u32>,
    ) -> wasmtime::Result<Result<(), Error>> {
        host_call!(self, "kv.set", (&key, &value, ttl_s), self.set_value(&key, value, ttl_s).await)
    }

    async fn delete(&mut self, key: String) -> wasmtime::Result<Result<(), Error>> {
        host_call!(self, "kv.delete", (&key,), self.delete_value(&key).await)
    }
}

impl CallState {
    async fn value(&mut self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        let Some((kv, account)) = self.store() else { return Err(Error::Denied) };
        kv.get(&account, key).await.map_err(Error::Unavailable)
    }

    async fn delete_value(&mut self, key: &str) -> Result<(), Error> {
        let Some((kv, account)) = self.store() else { return Err(Error::Denied) };
        kv.delete(&account, key).await.map_err(Error::Unavailable)
    }

    async fn set_value(&mut self, key: &str, value: Vec<u8>, ttl_s: Option<u32>) -> Result<(), Error> {
        let Some((kv, account)) = self.store() else { return Err(Error::Denied) };
        if value.len() > VALUE_LIMIT || key.len() > KEY_LIMIT {
            let text = format!("a value may have {VALUE_LIMIT} bytes and a key {KEY_LIMIT}");
            return Err(Error::Quota(text));
        }
        match kv.set(&account, key, value, ttl_s).await {
            Ok(true) => Ok(()),
            Ok(false) => {
                Err(Error::Quota(format!("{TOTAL_LIMIT} bytes in {KEYS_LIMIT} keys are all there is")))
            }
            Err(reason) => Err(Error::Unavailable(reason)),
        }
    }

    /// The store and the name of this call's part of it; absent where the call may not use it.
    fn store(&self) -> Option<(std::sync::Arc<dyn KeyValue>, String)> {
        let account = self.context.account.as_ref()?;
        if self.context.kv.is_none() {
            account.outbound.denied("kv", "this call may not use the store");
        }
        // An account's name may have been another plugin's before.
        let owner = format!("{}/{}", self.context.plugin, account.name);
        Some((self.context.kv.clone()?, owner))
    }
}
