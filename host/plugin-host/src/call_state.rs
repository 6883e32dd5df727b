//! The data of a wasmtime store during one call.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use wasmtime_wasi::{ResourceTable, WasiCtx, WasiCtxView, WasiView};

use crate::account::Account;
use crate::limits::MemoryLimit;
use crate::log_budget::LogBudget;
use crate::placeholders::SecretPlaceholders;
use crate::ports::KeyValue;
use crate::recording::host_calls::HostCalls;

/// The data of a wasmtime store during one call.
pub struct CallState {
    pub(crate) memory: MemoryLimit,
    pub(crate) wasi: WasiCtx,
    pub(crate) table: ResourceTable,
    pub(crate) context: CallContext,
}

impl WasiView for CallState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// For whom a call is made, and what it may do.
pub struct CallContext {
    /// The plugin's id.
    pub plugin: String,
    /// For whom; absent while a plugin is tried out.
    pub account: Option<Arc<Account>>,
    /// The small store; absent where the call may not use it.
    pub kv: Option<Arc<dyn KeyValue>>,
    /// Where the clock stands; absent where it goes.
    pub clock: Option<Timestamp>,
    /// Requests that may still be sent.
    pub requests_left: u32,
    /// Lines that may still be logged.
    pub log_left: u32,
    /// Lines that the plugin may still log, over all its calls.
    pub log_budget: Arc<LogBudget>,
    /// The effects of the call, for the timeline.
    pub trace: Arc<Mutex<CallTrace>>,
    /// Secrets that the guest has markers for.
    pub placeholders: Option<Arc<SecretPlaceholders>>,
    /// Whether requests go without the account's credentials: it is being logged in.
    pub is_login: bool,
    /// Who answers the calls of the guest to the host, and whether they are noted.
    pub host_calls: HostCalls,
}

/// The effects of a call beside its result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallTrace {
    /// One line per request: verb, origin and path, status or error.
    pub requests: Vec<String>,
    /// Whether a request that writes may have been applied without an answer.
    pub uncertain: bool,
    /// Why the account has to be logged in, where a request could not be sent for want of that.
    pub login_needed: Option<String>,
    /// When there are new requests, and in words, where one could not be sent because the day's are used up.
    pub quota: Option<(Timestamp, String)>,
    /// Whether a service answered a request of the call, whatever it said.
    pub was_answered: bool,
    /// What the call cost.
    pub cost: CallCost,
}

/// What a call cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallCost {
    /// WebAssembly instructions, where the engine counts them: tests of plugins do.
    pub instructions: Option<u64>,
    /// The memory that it had at its end. Bytes.
    pub memory_bytes: usize,
    /// From start to end, waiting included.
    pub time: Duration,
}
