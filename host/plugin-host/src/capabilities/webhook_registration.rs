//! `webhook-registration`

use wasmtime::Store;

use crate::bindings::exports::playrelay::plugin::webhook_registration::Guest;
use crate::call_state::CallState;
use crate::capabilities::capability::Capability;
use crate::convert;
use crate::failure::Failure;
use crate::limits::Budget;

/// Has a server send webhooks, or not.
pub enum WebhookRegistration {}

/// A call about the registration of a webhook. Addresses have markers in place of their tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistrationInput {
    /// To know whether it sends them to an address.
    Verify(String),
    /// That it sends them to an address, in place of another one.
    Register(String, Option<String>),
    /// That it does not.
    Remove(String),
}

impl Capability for WebhookRegistration {
    type Interface = Guest;
    const BUDGET: Budget = Budget::SERVICE;
    const IS_RECORDED: bool = false;
    type Input = RegistrationInput;
    /// Whether it sends webhooks to the address now.
    type Output = Result<bool, Failure>;

    async fn call(
        guest: &Guest,
        store: &mut Store<CallState>,
        input: Self::Input,
    ) -> wasmtime::Result<Self::Output> {
        let answer = match input {
            RegistrationInput::Verify(url) => guest.call_is_registered(store, &url).await?,
            RegistrationInput::Register(url, replaces) => {
                guest.call_register(store, &url, replaces.as_deref()).await?.map(|()| true)
            }
            RegistrationInput::Remove(url) => guest.call_remove(store, &url).await?.map(|()| false),
        };
        Ok(answer.map_err(convert::failure))
    }
}
