//! An interface that a guest exports, as the host calls it.

use futures_util::future::BoxFuture;
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use crate::call_state::CallState;
use crate::limits::Budget;

/// An interface that a guest exports.
pub trait Capability: 'static {
    /// Its name in the contract.
    const NAME: &'static str;
    /// What a call may use.
    const BUDGET: Budget;
    /// Whether it logs in: its requests go without the account's credentials.
    const IS_LOGIN: bool = false;
    /// Whether other calls of the same account wait for it: it takes a slot of its own kind, since theirs may all be taken by them.
    const IS_NESTED: bool = false;
    /// What it is called with.
    type Input: Send + 'static;
    /// What it gives.
    type Output: Send + 'static;

    /// The bytes that it is called with, as far as others decide them: what a large input costs is no fault of the plugin.
    fn size(_input: &Self::Input) -> usize {
        0
    }

    /// Makes the call.
    fn call<'a>(
        pre: &'a InstancePre<CallState>,
        store: &'a mut Store<CallState>,
        instance: &'a Instance,
        input: Self::Input,
    ) -> BoxFuture<'a, wasmtime::Result<Self::Output>>;
}
