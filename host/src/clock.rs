//! The time.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Names a file with a number of seconds by which this program's clock is ahead of the system's. For tests, which play
/// a whole evening in a second; read at every look at the clock.
pub const TEST_OFFSET: &str = "PLAYRELAY_TEST_CLOCK_OFFSET_FILE";

/// Between two looks at a test's clock.
const SIMULATED_LOOK: Duration = Duration::from_millis(5);

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

/// Whether the clock is a test's: it can jump, so nobody may sleep for long by it.
pub fn is_simulated() -> bool {
    std::env::var_os(TEST_OFFSET).is_some()
}

/// Sleeps; by a test's clock where there is one.
pub async fn sleep(duration: Duration) {
    if !is_simulated() {
        return tokio::time::sleep(duration).await;
    }
    let end = now().saturating_add(SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX));
    while end.as_ref().is_ok_and(|end| now() < *end) {
        tokio::time::sleep(SIMULATED_LOOK.min(duration)).await;
    }
}
