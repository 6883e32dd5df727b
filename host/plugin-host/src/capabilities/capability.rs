//! One kind of call to a guest.

use wasmtime::Store;

use crate::call_state::CallState;
use crate::capabilities::interface::Interface;
use crate::limits::Budget;

/// One kind of call to a guest: the interface, the limits, and the conversion of its input and output.
pub trait Capability: 'static {
    /// The interface that the guest exports for it.
    type Interface: Interface;
    /// Its name in logs: the interface, and the function if the host calls several of one interface apart.
    const NAME: &'static str = Self::Interface::NAME;
    /// The time, memory and requests that one call may use.
    const BUDGET: Budget;
    /// Whether it logs in: its requests go without the account's credentials.
    const IS_LOGIN: bool = false;
    /// Whether it may be recorded. Logins and what is about tokens may not.
    const IS_RECORDED: bool = !Self::IS_LOGIN;
    /// Whether other calls of the same account wait for it: it takes a slot of its own kind, since theirs may all be taken by them.
    const IS_NESTED: bool = false;
    /// The input of the call.
    type Input: Send + 'static;
    /// The output of the call.
    type Output: Send + 'static;

    /// The bytes that it is called with, as far as others decide them: what a large input costs is no fault of the plugin.
    fn size(_input: &Self::Input) -> usize {
        0
    }

    /// Makes the call. An error is a fault of the guest: a trap, or an output that breaks the contract.
    fn call(
        guest: &Self::Interface,
        store: &mut Store<CallState>,
        input: Self::Input,
    ) -> impl Future<Output = wasmtime::Result<Self::Output>> + Send;
}
