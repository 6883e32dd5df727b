//! The limits of one call.

use std::time::Duration;

use wasmtime::ResourceLimiter;

use crate::manifest::Manifest;

/// The unit in which CPU time is counted.
pub const TICK: Duration = Duration::from_millis(10);
/// Calls that run at the same time, those that only compute among them.
pub const MAX_CONCURRENT_CALLS: u32 = PURE_SLOTS + WAITING_SLOTS + NESTED_SLOTS;
/// Calls that only compute, and so end soon. They have slots of their own: whoever waits for a network cannot hold them up.
pub const PURE_SLOTS: u32 = 8;
/// Calls that may wait for a network…
pub const WAITING_SLOTS: u32 = 24;
/// …of one plugin…
pub const PLUGIN_SLOTS: usize = 16;
/// …and for one account.
pub const ACCOUNT_SLOTS: usize = 4;
/// Calls that other calls wait for, while those hold their slots.
pub const NESTED_SLOTS: u32 = 4;
/// From this size of an input on, time and memory are no fault of the plugin. Bytes.
pub const LARGE_INPUT: usize = 256 << 10;
/// The memory of a call, unless the manifest asks for more. Bytes.
pub const DEFAULT_MEMORY_BYTES: usize = 32 << 20;
/// The memory of a call at most: the size of a pool slot. Bytes.
pub const MAX_MEMORY_BYTES: usize = 64 << 20;
/// The data that a guest may pass to the host at once, and that a call to a service may return. Bytes.
pub const MAX_LIFT_BYTES: usize = 8 << 20;
/// The same of calls that only compute, or read what a server says: reports are small. Bytes.
pub const LIFTED_REPORTS: usize = 2 << 20;
/// Reports that one message may give.
pub const MAX_REPORTS: usize = 256;
/// Sessions that one message may list.
pub const SESSIONS: usize = 512;
/// The state that the host keeps for a guest between two messages. Bytes.
pub const MAX_STATE_BYTES: usize = 64 << 10;
/// Frames that one message may be answered with, and ways to listen that a plugin may name.
pub const MAX_FRAMES: usize = 16;
/// For how long a user may enter the code of a login, whatever the service says. Seconds.
pub const MAX_CODE_LIFETIME_S: u32 = 24 * 60 * 60;
/// The longest time between two questions whether they have. Seconds.
pub const CODE_INTERVAL_S: u32 = 60;
/// Lines that a call may log.
pub const MAX_LOG_LINES: u32 = 100;
/// Bytes of a log line.
pub const LOG_LINE: usize = 2 << 10;
/// Lines that a plugin may log at once, over all its calls…
pub const LOG_BURST: u32 = 1_000;
/// …and a second from then on.
pub const LOG_LINES_A_SECOND: u32 = 10;

/// The limits of a kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The computing time.
    pub cpu: Duration,
    /// From start to end, waiting included.
    pub wall: Duration,
    /// Requests over the network; 0 forbids them.
    pub requests: u32,
    /// Whether the store may be used.
    pub stateful: bool,
    /// Whether the clock goes; else it stands at the time of receipt.
    pub live_clock: bool,
    /// The data that may be passed at once, and returned. Bytes.
    pub lifted: usize,
}

impl Budget {
    /// For calls that only compute.
    pub const PURE: Self = Self {
        cpu: Duration::from_millis(250),
        wall: Duration::from_secs(1),
        requests: 0,
        stateful: false,
        live_clock: false,
        lifted: LIFTED_REPORTS,
    };
    /// For a second look at a media server.
    pub const LOOKUP: Self = Self {
        cpu: Duration::from_millis(250),
        wall: Duration::from_secs(15),
        requests: 3,
        stateful: true,
        live_clock: true,
        lifted: LIFTED_REPORTS,
    };
    /// For what is heard of a media server: most of it is computed, some of it looked up.
    pub const LISTEN: Self = Self {
        cpu: Duration::from_millis(250),
        wall: Duration::from_secs(15),
        requests: 4,
        stateful: true,
        live_clock: false,
        lifted: LIFTED_REPORTS,
    };
    /// For many events at once: the history of a service comes in pages.
    pub const BATCH: Self = Self { cpu: Duration::from_secs(2), requests: 12, ..Self::SERVICE };
    /// For a talk with a service.
    pub const SERVICE: Self = Self {
        cpu: Duration::from_secs(1),
        wall: Duration::from_secs(30),
        requests: 6,
        stateful: true,
        live_clock: true,
        lifted: MAX_LIFT_BYTES,
    };
}

/// The memory limit of a plugin. Bytes.
pub fn memory(manifest: &Manifest) -> usize {
    manifest
        .limits
        .memory_mib
        .map_or(DEFAULT_MEMORY_BYTES, |mib| ((mib as usize) << 20).clamp(1 << 20, MAX_MEMORY_BYTES))
}

/// Counts the memory of a call over all its memories, and remembers that it was refused more.
#[derive(Debug)]
pub struct MemoryLimit {
    limit: usize,
    used: usize,
    exceeded: bool,
}

impl MemoryLimit {
    /// A limit in bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, used: 0, exceeded: false }
    }

    /// The memory that the call has. Bytes.
    pub fn used(&self) -> usize {
        self.used
    }

    /// The limit, where the call has asked for more than it.
    pub fn exceeded(&self) -> Option<usize> {
        self.exceeded.then_some(self.limit)
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _max: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let wanted = self.used.saturating_add(desired.saturating_sub(current));
        self.exceeded |= wanted > self.limit;
        if wanted <= self.limit {
            self.used = wanted;
        }
        Ok(wanted <= self.limit)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _max: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= 50_000)
    }

    fn instances(&self) -> usize {
        64
    }

    fn tables(&self) -> usize {
        16
    }

    fn memories(&self) -> usize {
        4
    }
}
