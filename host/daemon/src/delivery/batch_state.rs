//! What a lane knows of its batches: how many events go together, and which go alone. A restart forgets it, and learns it again.

use std::collections::BTreeSet;

/// Events that are remembered as sent alone. Some of them may have been dropped meanwhile.
const MAX_ALONE: usize = 5_000;
/// Batches that fail in a row before fewer events go together.
const FAILURES_BEFORE_DIVIDING: u32 = 2;

/// What a lane knows of its batches.
#[derive(Debug, Default)]
pub struct BatchState {
    /// Events that are sent alone from now on.
    pub alone: BTreeSet<i64>,
    /// The most events of a batch, after one that failed; absent if the manifest alone decides.
    limit: Option<usize>,
    /// Batches that failed in a row, though the service was there.
    failures: u32,
}

impl BatchState {
    /// The most events of the next batch.
    pub fn limit(&self, of_manifest: usize) -> usize {
        self.limit.map_or(of_manifest, |limit| limit.min(of_manifest))
    }

    /// A batch failed, though the service was there. Gives whether fewer events are to go together: the first time it may be the service's fault alone.
    pub fn failed(&mut self) -> bool {
        self.failures += 1;
        self.failures >= FAILURES_BEFORE_DIVIDING
    }

    /// Has at most so many events go together.
    pub fn divide(&mut self, limit: usize) {
        self.limit = Some(limit);
    }

    /// A batch was answered for each of its events.
    pub fn succeeded(&mut self) {
        (self.limit, self.failures) = (None, 0);
    }

    /// Has events sent alone.
    pub fn send_alone(&mut self, ids: impl IntoIterator<Item = i64>) {
        self.alone.extend(ids);
        while self.alone.len() > MAX_ALONE {
            self.alone.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_that_fails_is_halved_until_it_succeeds() {
        let mut state = BatchState::default();
        assert_eq!(state.limit(200), 200);
        assert!(!state.failed() && state.failed(), "the first failure may be the service's");
        state.divide(60);
        assert_eq!((state.limit(200), state.limit(20)), (60, 20));
        state.succeeded();
        assert!(state.limit(200) == 200 && !state.failed());
    }

    #[test]
    fn what_is_sent_alone_is_bounded() {
        let mut state = BatchState::default();
        state.send_alone(0..6_000);
        assert_eq!((state.alone.len(), state.alone.first()), (MAX_ALONE, Some(&1_000)));
    }
}
