//! What the calls of a plugin came to since it was loaded.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::fault::FaultKind;

/// The results of calls, in the order of their counters.
const RESULTS: [&str; 8] = ["ok", "trap", "cpu", "wall", "memory", "output", "paused", "host"];

/// Counts calls: by result, with their time and the most memory that one took.
#[derive(Debug, Default)]
pub struct CallStats {
    results: [AtomicU64; RESULTS.len()],
    micros: AtomicU64,
    peak_memory: AtomicUsize,
}

impl CallStats {
    /// Counts a call that has ended.
    pub(crate) fn count(&self, fault: Option<FaultKind>, took: Duration) {
        let place = match fault {
            None => 0,
            Some(FaultKind::Trap) => 1,
            Some(FaultKind::Cpu) => 2,
            Some(FaultKind::Wall) => 3,
            Some(FaultKind::Memory) => 4,
            Some(FaultKind::Output) => 5,
            Some(FaultKind::Paused) => 6,
            Some(FaultKind::Host) => 7,
        };
        self.results[place].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Notes the memory of a call. Bytes.
    pub(crate) fn used_memory(&self, bytes: usize) {
        self.peak_memory.fetch_max(bytes, Ordering::Relaxed);
    }

    /// How many calls ended in each way: `ok`, or the limit or fault that ended them.
    pub fn by_result(&self) -> impl Iterator<Item = (&'static str, u64)> {
        RESULTS.into_iter().zip(self.results.iter().map(|count| count.load(Ordering::Relaxed)))
    }

    /// The time of all calls together.
    pub fn time(&self) -> Duration {
        Duration::from_micros(self.micros.load(Ordering::Relaxed))
    }

    /// The most memory that one call took. Bytes.
    pub fn peak_memory(&self) -> usize {
        self.peak_memory.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_their_result() {
        let stats = CallStats::default();
        stats.count(None, Duration::from_millis(2));
        stats.count(Some(FaultKind::Memory), Duration::from_millis(3));
        stats.used_memory(7);
        stats.used_memory(5);
        let counted: Vec<_> = stats.by_result().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted, [("ok", 1), ("memory", 1)]);
        assert_eq!((stats.time(), stats.peak_memory()), (Duration::from_millis(5), 7));
    }
}
