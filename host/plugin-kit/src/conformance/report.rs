//! What the suites found.

use playrelay_plugin_host::call_state::CallCost;
use serde::Serialize;

/// What the suites found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ConformanceReport {
    /// Calls that were made.
    pub calls: usize,
    /// What is wrong, one line each.
    pub faults: Vec<String>,
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
}
