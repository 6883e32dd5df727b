//! How long to wait after failures: twice as long each time, with jitter, up to a limit.

use std::time::Duration;

/// The pause after a number of failures in a row, at least 1. `random` is from 0 to 1; it spreads the pause over the
/// upper half, so that many accounts do not come back at once.
pub fn pause(failures: u32, first: Duration, longest: Duration, random: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(20);
    let full = first.saturating_mul(1 << doublings).min(longest);
    full.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
}

/// A number from 0 to 1.
pub fn random() -> f64 {
    // Without a source of randomness the pauses are merely even.
    f64::from(getrandom::u32().unwrap_or(u32::MAX)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let (first, longest) = (Duration::from_secs(2), Duration::from_secs(900));
        let seconds = |failures| pause(failures, first, longest, 1.0).as_secs();
        assert_eq!(
            [seconds(1), seconds(2), seconds(3), seconds(9), seconds(10), seconds(1000)],
            [2, 4, 8, 512, 900, 900]
        );
        assert_eq!(pause(1, first, longest, 0.0), Duration::from_secs(1));
    }
}
