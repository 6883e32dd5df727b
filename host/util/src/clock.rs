//! The time.

use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use crate::lock::lock;

/// Names a file with a number of seconds by which this program's clock is ahead of the system's. For tests, which play
/// a whole evening in a second; read at every look at the clock.
pub const TEST_OFFSET: &str = "PLAYRELAY_TEST_CLOCK_OFFSET_FILE";

/// Between two looks at a test's clock.
const SIMULATED_POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Now, in whole milliseconds: what is stored is what was used.
pub fn now() -> Timestamp {
    static FILE: OnceLock<Option<PathBuf>> = OnceLock::new();
    let now = Timestamp::from_millisecond(Timestamp::now().as_millisecond()).unwrap_or(Timestamp::UNIX_EPOCH);
    match FILE.get_or_init(|| std::env::var_os(TEST_OFFSET).map(PathBuf::from)) {
        None => now,
        Some(file) => {
            let seconds = std::fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok());
            now.saturating_add(SignedDuration::from_secs(seconds.unwrap_or(0))).unwrap_or(now)
        }
    }
}

/// A clock that was set back by more than this was wrong before, and what it said is not kept up. Milliseconds.
const MAX_BACKWARD_STEP_MS: i64 = 6 * 60 * 60 * 1000;

/// When something is received. Never earlier than what was received before: where the clock is set back, this one goes on at half its
/// speed until it is caught up with, so that the order of things is what it was.
pub fn monotonic_now() -> Timestamp {
    static LAST_RECEIPT: Mutex<Option<(i64, Instant)>> = Mutex::new(None);
    let mut latest = lock(&LAST_RECEIPT);
    let (now, instant) = (now().as_millisecond(), Instant::now());
    let at = match *latest {
        Some((before, seen)) if now < before && before - now <= MAX_BACKWARD_STEP_MS => {
            before + i64::try_from(instant.duration_since(seen).as_millis() / 2).unwrap_or(0)
        }
        _ => now,
    };
    *latest = Some((at, instant));
    Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Whether the clock is a test's: it can jump, so nobody may sleep for long by it.
pub fn is_simulated() -> bool {
    std::env::var_os(TEST_OFFSET).is_some()
}

/// The time after a while: the last there is where that is beyond it.
pub fn after(span: SignedDuration) -> Timestamp {
    now().saturating_add(span).unwrap_or(Timestamp::MAX)
}

/// Sleeps; by a test's clock where there is one.
pub async fn sleep(duration: Duration) {
    if !is_simulated() {
        return tokio::time::sleep(duration).await;
    }
    let end = now().saturating_add(SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX));
    while end.as_ref().is_ok_and(|end| now() < *end) {
        tokio::time::sleep(SIMULATED_POLL_INTERVAL.min(duration)).await;
    }
}
