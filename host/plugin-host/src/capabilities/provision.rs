//! `provision`

use futures_util::future::BoxFuture;
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use crate::bindings::exports::playrelay::plugin::provision::GuestIndices;
use crate::call_state::CallState;
use crate::capabilities::capability::Capability;
use crate::convert;
use crate::failure::Failure;
use crate::limits::Budget;

/// Has a server send webhooks, or not.
pub enum Provision {}

/// What is wanted. Addresses have markers in the places of their tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProvisionInput {
    /// To know whether it sends them to an address.
    Verify(String),
    /// That it sends them to an address, in place of another one.
    Register(String, Option<String>),
    /// That it does not.
    Remove(String),
}

impl Capability for Provision {
    const NAME: &'static str = "provision";
    const BUDGET: Budget = Budget::SERVICE;
    type Input = ProvisionInput;
    /// Whether it sends webhooks to the address now.
    type Output = Result<bool, Failure>;

    fn call<'a>(
        pre: &'a InstancePre<CallState>,
        store: &'a mut Store<CallState>,
        instance: &'a Instance,
        input: Self::Input,
    ) -> BoxFuture<'a, wasmtime::Result<Self::Output>> {
        Box::pin(async move {
            let guest = GuestIndices::new(pre)?.load(&mut *store, instance)?;
            let answer = match input {
                ProvisionInput::Verify(url) => guest.call_is_registered(store, &url).await?,
                ProvisionInput::Register(url, replaces) => {
                    guest.call_register(store, &url, replaces.as_deref()).await?.map(|()| true)
                }
                ProvisionInput::Remove(url) => guest.call_remove(store, &url).await?.map(|()| false),
            };
            Ok(answer.map_err(convert::failure))
        })
    }
}
