//! The interfaces that a guest may export, and how the host gets hold of one.

use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use crate::bindings::exports::playrelay::plugin as exports;
use crate::call_state::CallState;

/// An exported interface of an instance.
pub trait Interface: Send + Sync + Sized {
    /// Its name in the contract.
    const NAME: &'static str;

    /// Finds the interface in an instance. An error says which function or type differs from the contract.
    fn load(
        pre: &InstancePre<CallState>,
        store: &mut Store<CallState>,
        instance: &Instance,
    ) -> wasmtime::Result<Self>;
}

type Verify = fn(&InstancePre<CallState>, &mut Store<CallState>, &Instance) -> wasmtime::Result<()>;

macro_rules! interfaces {
    ($($module:ident: $name:literal,)*) => {
        $(impl Interface for exports::$module::Guest {
            const NAME: &'static str = $name;

            fn load(
                pre: &InstancePre<CallState>,
                store: &mut Store<CallState>,
                instance: &Instance,
            ) -> wasmtime::Result<Self> {
                exports::$module::GuestIndices::new(pre)?.load(store, instance)
            }
        })*

        /// Every interface: its name, and the check that an instance exports it with exactly the types of the contract.
        pub const ALL: &[(&str, Verify)] =
            &[$(($name, |pre, store, instance| exports::$module::Guest::load(pre, store, instance).map(drop))),*];
    };
}

interfaces! {
    webhook: "webhook",
    realtime: "realtime",
    enrich: "enrich",
    identify: "identify",
    server_history: "server-history",
    sink: "sink",
    sink_batch: "sink-batch",
    watchlist: "watchlist",
    metadata: "metadata",
    airing: "airing",
    numbering: "numbering",
    check: "check",
    auth: "auth",
    webhook_registration: "webhook-registration",
    notify: "notify",
}
