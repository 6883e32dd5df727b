//! Pauses a plugin that keeps failing.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// This many faults…
const FAULTS: usize = 5;
/// …within this time pause a plugin.
const WINDOW: Duration = Duration::from_secs(600);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Counts the faults of a plugin: traps, and limits that it ran into. An answer that says "no" is none.
#[derive(Debug, Default)]
pub struct Breaker {
    faults: VecDeque<Instant>,
    pause: Option<Duration>,
    paused_until: Option<Instant>,
}

impl Breaker {
    /// How long the plugin is still paused.
    pub fn paused_for(&self, now: Instant) -> Option<Duration> {
        self.paused_until.map(|until| until.saturating_duration_since(now)).filter(|left| !left.is_zero())
    }

    /// A call ended well.
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// A call failed. Once there were too many, each further one doubles the pause.
    pub fn failed(&mut self, now: Instant) {
        self.faults.push_back(now);
        while self.faults.front().is_some_and(|first| now.duration_since(*first) > WINDOW) {
            self.faults.pop_front();
        }
        if self.faults.len() >= FAULTS {
            let pause = self.pause.map_or(FIRST_PAUSE, |pause| (pause * 2).min(LONGEST_PAUSE));
            self.pause = Some(pause);
            self.paused_until = Some(now + pause);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_faults_pause_and_one_success_mends() {
        let start = Instant::now();
        let mut breaker = Breaker::default();
        for fault in 0..4 {
            breaker.failed(start + Duration::from_secs(fault));
            assert_eq!(breaker.paused_for(start + Duration::from_secs(fault)), None);
        }
        let fifth = start + Duration::from_secs(5);
        breaker.failed(fifth);
        assert_eq!(breaker.paused_for(fifth), Some(FIRST_PAUSE));
        assert_eq!(breaker.paused_for(fifth + FIRST_PAUSE), None);
        breaker.failed(fifth + FIRST_PAUSE);
        assert_eq!(breaker.paused_for(fifth + FIRST_PAUSE), Some(FIRST_PAUSE * 2));
        breaker.succeeded();
        breaker.failed(fifth + WINDOW);
        assert_eq!(breaker.paused_for(fifth + WINDOW), None);
    }

    #[test]
    fn rare_faults_do_not_pause() {
        let start = Instant::now();
        let mut breaker = Breaker::default();
        for fault in 0..20 {
            let now = start + WINDOW * fault;
            breaker.failed(now);
            assert_eq!(breaker.paused_for(now), None);
        }
    }
}
