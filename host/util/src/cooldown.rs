//! A pause after a failure, in which nobody tries again.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::lock::lock;

/// A pause. It is not running at first.
#[derive(Debug, Default)]
pub struct Cooldown(Mutex<Option<Instant>>);

impl Cooldown {
    /// Starts the pause anew.
    pub fn start(&self, length: Duration) {
        *lock(&self.0) = Some(Instant::now() + length);
    }

    /// How much of it is left; absent where it is over.
    pub fn remaining(&self) -> Option<Duration> {
        let end = *lock(&self.0);
        end.map(|end| end.saturating_duration_since(Instant::now())).filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_runs_once_it_is_started_and_ends() {
        let cooldown = Cooldown::default();
        assert_eq!(cooldown.remaining(), None);
        cooldown.start(Duration::from_secs(60));
        assert!(cooldown.remaining().is_some_and(|left| left <= Duration::from_secs(60)));
        cooldown.start(Duration::ZERO);
        assert_eq!(cooldown.remaining(), None);
    }
}
