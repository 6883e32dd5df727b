//! What the suites found.

use playrelay_plugin_host::call_state::CallCost;
use playrelay_plugin_host::fault::{Fault, FaultKind};
use serde::Serialize;

/// What the suites found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ConformanceReport {
    /// Calls that were made.
    pub calls: usize,
    /// What is wrong, one line each.
    pub faults: Vec<String>,
    /// Calls that were not made, since the plugin was paused after its faults.
    pub skipped_calls: usize,
    /// The longest call. Microseconds.
    pub slowest_micros: u64,
    /// The most memory of a call. Bytes.
    pub most_memory_bytes: usize,
}

impl ConformanceReport {
    /// Counts a call.
    pub(super) fn count(&mut self, cost: &CallCost) {
        self.calls += 1;
        self.slowest_micros =
            self.slowest_micros.max(u64::try_from(cost.time.as_micros()).unwrap_or(u64::MAX));
        self.most_memory_bytes = self.most_memory_bytes.max(cost.memory_bytes);
    }

    /// Notes a fault of a call. A pause is the consequence of those before it.
    pub(super) fn add_fault(&mut self, call: &str, fault: &Fault) {
        match fault.kind {
            FaultKind::Paused => self.skipped_calls += 1,
            _ => self.faults.push(format!("{call}: {fault}")),
        }
    }
}
