//! Pauses a plugin that keeps failing, for one account.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// This many faults…
const MAX_FAULTS: usize = 5;
/// …among so many calls…
const MAX_CALLS: usize = 20;
/// …within this time pause a plugin.
const FAULT_WINDOW: Duration = Duration::from_secs(600);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Counts the faults of a plugin: traps, and limits that it ran into. An answer that says "no" is not a fault. A success in between takes
/// none of them back: one in five is too many.
#[derive(Debug, Default)]
pub struct CircuitBreaker {
    /// The last calls: when each ended, and whether it failed.
    calls: VecDeque<(Instant, bool)>,
    pause: Option<Duration>,
    paused_until: Option<Instant>,
}

impl CircuitBreaker {
    /// How long the plugin is still paused.
    pub fn open_for(&self, now: Instant) -> Option<Duration> {
        self.paused_until.map(|until| until.saturating_duration_since(now)).filter(|left| !left.is_zero())
    }

    /// A call ended well.
    pub fn succeeded(&mut self, now: Instant) {
        self.add(now, false);
        if self.faults() < MAX_FAULTS {
            (self.pause, self.paused_until) = (None, None);
        }
    }

    /// A call failed. Once there were too many, each further one doubles the pause.
    pub fn failed(&mut self, now: Instant) {
        self.add(now, true);
        if self.faults() >= MAX_FAULTS {
            let pause = self.pause.map_or(FIRST_PAUSE, |pause| (pause * 2).min(LONGEST_PAUSE));
            self.pause = Some(pause);
            self.paused_until = Some(now + pause);
        }
    }

    fn add(&mut self, now: Instant, failed: bool) {
        self.calls.push_back((now, failed));
        let is_old = |at: &Instant| now.duration_since(*at) > FAULT_WINDOW;
        while self.calls.len() > MAX_CALLS || self.calls.front().is_some_and(|(at, _)| is_old(at)) {
            self.calls.pop_front();
        }
    }

    fn faults(&self) -> usize {
        self.calls.iter().filter(|(_, failed)| *failed).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_faults_pause_and_time_mends() {
        let start = Instant::now();
        let mut breaker = CircuitBreaker::default();
        for fault in 0..4 {
            breaker.failed(start + Duration::from_secs(fault));
            assert_eq!(breaker.open_for(start + Duration::from_secs(fault)), None);
        }
        let fifth = start + Duration::from_secs(5);
        breaker.failed(fifth);
        assert_eq!(breaker.open_for(fifth), Some(FIRST_PAUSE));
        assert_eq!(breaker.open_for(fifth + FIRST_PAUSE), None);
        breaker.failed(fifth + FIRST_PAUSE);
        assert_eq!(breaker.open_for(fifth + FIRST_PAUSE), Some(FIRST_PAUSE * 2));
        breaker.succeeded(fifth + FIRST_PAUSE);
        breaker.failed(fifth + FAULT_WINDOW);
        assert_eq!(breaker.open_for(fifth + FAULT_WINDOW), None);
    }

    #[test]
    fn a_success_between_faults_hides_none() {
        let start = Instant::now();
        let mut breaker = CircuitBreaker::default();
        let mut paused = 0;
        for call in 0..50 {
            let now = start + Duration::from_secs(call * 20);
            // Four faults and a success, ten times.
            if call % 5 == 4 {
                breaker.succeeded(now);
            } else {
                breaker.failed(now);
            }
            paused += u32::from(breaker.open_for(now).is_some());
        }
        assert!(paused > 30, "{paused}");
        let mut lively = CircuitBreaker::default();
        for call in 0..500 {
            let now = start + Duration::from_millis(call * 10);
            if call % 10 == 0 {
                lively.failed(now);
            } else {
                lively.succeeded(now);
            }
            assert_eq!(lively.open_for(now), None, "two of twenty are few");
        }
    }

    #[test]
    fn rare_faults_do_not_pause() {
        let start = Instant::now();
        let mut breaker = CircuitBreaker::default();
        for fault in 0..20 {
            let now = start + FAULT_WINDOW * fault;
            breaker.failed(now);
            assert_eq!(breaker.open_for(now), None);
        }
    }
}
