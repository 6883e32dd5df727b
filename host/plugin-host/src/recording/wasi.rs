//! Clocks and random numbers of WASI. Some toolchains ask for them, and a record has to answer them like everything else.

use std::cell::Cell;
use std::convert::Infallible;
use std::time::{Duration, Instant};

use rand_core::TryRng;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxBuilder};

use crate::recording::host_calls::HostCalls;

/// No files, environment, arguments or sockets: some toolchains import these interfaces without a need.
pub(crate) fn context(host_calls: &HostCalls) -> WasiCtx {
    let mut builder = WasiCtxBuilder::new();
    if !matches!(host_calls, HostCalls::Live) {
        let mut seed = [0; 16];
        let mut random = LoggedRandom(host_calls.clone());
        random.fill(&mut seed);
        builder
            .wall_clock(LoggedClock::new(host_calls))
            .monotonic_clock(LoggedClock::new(host_calls))
            .insecure_random_seed(u128::from_le_bytes(seed))
            .insecure_random(LoggedRandom(host_calls.clone()))
            .secure_random(random);
    }
    builder.build()
}

/// The time of this machine, or of a record.
struct LoggedClock {
    host_calls: HostCalls,
    began: Instant,
    /// What it said last. Nanoseconds.
    last: Cell<u64>,
}

impl LoggedClock {
    fn new(host_calls: &HostCalls) -> Self {
        Self { host_calls: host_calls.clone(), began: Instant::now(), last: Cell::new(0) }
    }

    /// The time of a record where there is one, and of `clock` otherwise, in nanoseconds. A clock that is read more often than before stands still.
    fn read(&self, function: &'static str, clock: impl FnOnce() -> u64) -> u64 {
        let question = self.host_calls.question(function, &());
        let now = match self.host_calls.answer(&question) {
            Ok(Some(now)) => now,
            Ok(None) => {
                let now = clock();
                self.host_calls.note(question, &now);
                now
            }
            Err(_) => self.last.get(),
        };
        self.last.set(now);
        now
    }
}

impl HostWallClock for LoggedClock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        Duration::from_nanos(self.read("wasi.wall-clock", || {
            let now = playrelay_util::clock::now().as_nanosecond();
            u64::try_from(now).unwrap_or_default()
        }))
    }
}

impl HostMonotonicClock for LoggedClock {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        let elapsed = || u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.read("wasi.monotonic-clock", elapsed)
    }
}

/// Random bytes of the system, or of a record.
struct LoggedRandom(HostCalls);

impl LoggedRandom {
    fn fill(&mut self, bytes: &mut [u8]) {
        let question = self.0.question("wasi.random", &(bytes.len(),));
        match self.0.answer::<Vec<u8>>(&question) {
            Ok(Some(recorded)) => {
                let length = recorded.len().min(bytes.len());
                bytes[..length].copy_from_slice(&recorded[..length]);
            }
            Ok(None) => {
                getrandom::fill(bytes).expect(
                    "the system has random numbers: every hash map of this program is made with them",
                );
                self.0.note(question, &&*bytes);
            }
            Err(_) => bytes.fill(0),
        }
    }
}

impl TryRng for LoggedRandom {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.fill(bytes);
        Ok(())
    }
}
