//! How much a plugin may log over time.

use std::sync::Mutex;
use std::time::Instant;

use playrelay_util::lock::lock;

use crate::limits::{LOG_BURST, LOG_LINES_A_SECOND};

/// A plugin's lines: so many at once, and so many a second from then on.
#[derive(Debug)]
pub struct LogBudget(Mutex<State>);

#[derive(Debug)]
struct State {
    /// Lines that may be logged now; a part of one has come already.
    left: f64,
    at: Instant,
    left_out: u64,
}

/// Whether a line is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// It is logged, after so many that were left out.
    Logged {
        /// Lines that were left out since the last one that was logged.
        left_out: u64,
    },
    /// It is left out.
    LeftOut,
}

impl Default for LogBudget {
    fn default() -> Self {
        Self(Mutex::new(State { left: f64::from(LOG_BURST), at: Instant::now(), left_out: 0 }))
    }
}

impl LogBudget {
    /// Takes one line.
    pub fn take(&self) -> Line {
        self.take_at(Instant::now())
    }

    fn take_at(&self, now: Instant) -> Line {
        let mut state = lock(&self.0);
        let passed = now.saturating_duration_since(state.at).as_secs_f64();
        state.left = (state.left + passed * f64::from(LOG_LINES_A_SECOND)).min(f64::from(LOG_BURST));
        state.at = now;
        if state.left < 1.0 {
            state.left_out += 1;
            return Line::LeftOut;
        }
        state.left -= 1.0;
        Line::Logged { left_out: std::mem::take(&mut state.left_out) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn lines_are_limited_over_time() {
        let budget = LogBudget::default();
        let start = Instant::now();
        let logged = (0..5_000).filter(|_| budget.take_at(start) != Line::LeftOut).count();
        assert_eq!(logged, LOG_BURST as usize);
        let later = start + Duration::from_secs(1);
        assert_eq!(budget.take_at(later), Line::Logged { left_out: 5_000 - u64::from(LOG_BURST) });
        let logged = (0..100).filter(|_| budget.take_at(later) != Line::LeftOut).count();
        assert_eq!(logged, LOG_LINES_A_SECOND as usize - 1);
    }
}
