//! What a process has used, from `/proc`.

use std::fs;
use std::time::Duration;

/// Clock ticks a second, fixed for programs on Linux.
const TICKS: u64 = 100;

/// What a process has used so far.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Of all its threads.
    pub cpu: Duration,
    /// KiB.
    pub resident: u64,
}

impl Usage {
    /// Of a process.
    pub fn of(pid: u32) -> Self {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process runs");
        // The name before it is in brackets and may contain anything.
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks: u64 = fields[11..13].iter().filter_map(|field| field.parse::<u64>().ok()).sum();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
        let resident = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok());
        Self { cpu: Duration::from_millis(ticks * 1000 / TICKS), resident: resident.unwrap_or(0) }
    }

    /// The percentage of one core that was used since an earlier look, `time` ago.
    pub fn share_since(&self, earlier: &Self, time: Duration) -> f64 {
        (self.cpu - earlier.cpu).as_secs_f64() * 100.0 / time.as_secs_f64()
    }
}
