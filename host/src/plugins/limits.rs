//! What one call may use.

use std::time::Duration;

use wasmtime::ResourceLimiter;

use super::manifest::Manifest;

/// The unit in which CPU time is counted.
pub const TICK: Duration = Duration::from_millis(10);
/// Calls that run at the same time.
pub const SLOTS: u32 = 32;
/// The memory of a call, unless the manifest asks for more. Bytes.
pub const MEMORY: usize = 32 << 20;
/// The memory of a call at most: the size of a pool slot. Bytes.
pub const MEMORY_MAX: usize = 64 << 20;
/// What a guest may hand to the host in one go, and what a call may return. Bytes.
pub const LIFTED: usize = 8 << 20;
/// Reports that one message may give.
pub const REPORTS: usize = 256;
/// What a guest may ask the host to remember between two messages. Bytes.
pub const STATE: usize = 64 << 10;
/// Frames that one message may be answered with, and ways to listen that a plugin may name.
pub const FRAMES: usize = 16;
/// For how long a user may enter the code of a login, whatever the service says. Seconds.
pub const CODE_LIFE_S: u32 = 24 * 60 * 60;
/// The longest time between two questions whether they have. Seconds.
pub const CODE_INTERVAL_S: u32 = 60;
/// Lines that a call may log.
pub const LOG_LINES: u32 = 100;
/// Bytes of a log line.
pub const LOG_LINE: usize = 2 << 10;

/// The limits of a kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Of computing.
    pub cpu: Duration,
    /// From start to end, waiting included.
    pub wall: Duration,
    /// Requests over the network; 0 forbids them.
    pub requests: u32,
    /// Whether the store may be used.
    pub stateful: bool,
    /// Whether the clock goes; else it stands at the time of receipt.
    pub clock_goes: bool,
}

impl Budget {
    /// For calls that only compute.
    pub const PURE: Self = Self {
        cpu: Duration::from_millis(250),
        wall: Duration::from_secs(1),
        requests: 0,
        stateful: false,
        clock_goes: false,
    };
    /// For a second look at a media server.
    pub const LOOKUP: Self = Self {
        cpu: Duration::from_millis(250),
        wall: Duration::from_secs(15),
        requests: 3,
        stateful: true,
        clock_goes: true,
    };
    /// For what is heard of a media server: most of it is computed, some of it looked up.
    pub const LISTEN: Self = Self {
        cpu: Duration::from_millis(250),
        wall: Duration::from_secs(15),
        requests: 4,
        stateful: true,
        clock_goes: false,
    };
    /// For a talk with a service.
    pub const SERVICE: Self = Self {
        cpu: Duration::from_secs(1),
        wall: Duration::from_secs(30),
        requests: 6,
        stateful: true,
        clock_goes: true,
    };
}

/// The memory limit of a plugin. Bytes.
pub fn memory(manifest: &Manifest) -> usize {
    manifest.limits.memory_mib.map_or(MEMORY, |mib| ((mib as usize) << 20).clamp(1 << 20, MEMORY_MAX))
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
