//! Makes a recorded call once more, by the version at hand. The record answers all that the guest asks: nothing reaches a network, a database or a clock.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use playrelay_util::lock::lock;
use serde::Serialize;

use crate::limits::Budget;
use crate::plugin::{Plugin, describe_trap, timeout_fault};
use crate::recording::functions;
use crate::recording::host_calls::{Answers, HostCalls};
use crate::recording::{CallResult, HostCall, RecordedCall};
use crate::wasm;

/// What a version of a plugin makes of a recorded call.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReplayedCall {
    /// What the guest asked the host, in order, with the answers of the record.
    pub host_calls: Vec<HostCall>,
    /// What came of it.
    pub result: CallResult,
}

impl Plugin {
    /// Makes a recorded call once more. The record may be of another version, and of another machine.
    pub async fn replay(self: &Arc<Self>, call: &RecordedCall) -> ReplayedCall {
        let answers = Arc::new(Mutex::new(Answers::new(call.host_calls.clone())));
        let cpu = Duration::from_millis(call.cpu_ms.into()).min(Budget::BATCH.cpu);
        let budget = Budget { cpu, ..Budget::SERVICE };
        let _ticking = self.runtime.ticker.enter();
        let context = self.context_without_account(HostCalls::Replay(Arc::clone(&answers)));
        let mut store = wasm::store(&self.runtime.engine, context, self.memory, budget);
        let work = async {
            let pre = self.instance_pre().await?;
            let instance = pre.instantiate_async(&mut store).await?;
            functions::call(&call.function, call.arguments.clone(), pre, &mut store, &instance).await
        };
        let result = match tokio::time::timeout(budget.wall, work).await {
            Ok(Ok(value)) => CallResult::Returned(value),
            Ok(Err(error)) => CallResult::Failed(describe_trap(&error, &store, budget).text),
            Err(_) => CallResult::Failed(timeout_fault(budget.wall).text),
        };
        let host_calls = std::mem::take(&mut lock(&answers).asked);
        ReplayedCall { host_calls, result }
    }
}
