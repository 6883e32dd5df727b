//! A clock that tests set: real time, plus an offset of its own, or of a file that others read as well.

use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use jiff::{SignedDuration, Timestamp};

/// A clock. Clones show the same time.
#[derive(Clone, Debug, Default)]
pub struct Clock(Arc<Offset>);

#[derive(Debug, Default)]
struct Offset {
    own: AtomicI64,
    file: OnceLock<PathBuf>,
}

impl Clock {
    /// Now, by this clock.
    pub fn now(&self) -> Timestamp {
        Timestamp::now() + SignedDuration::from_secs(self.offset())
    }

    /// Seconds by which it is ahead.
    pub fn offset(&self) -> i64 {
        let followed = self.0.file.get().map(|file| std::fs::read_to_string(file).ok()?.trim().parse().ok());
        followed.map_or_else(|| self.0.own.load(Ordering::SeqCst), |seconds| seconds.unwrap_or(0))
    }

    /// Moves it on. One that follows a file moves with that alone.
    pub fn advance(&self, by: SignedDuration) {
        self.0.own.fetch_add(by.as_secs(), Ordering::SeqCst);
    }

    /// From here on it is as far ahead as a file says, as the daemon is: nobody sees another time than anybody else.
    pub fn follow(&self, file: PathBuf) {
        self.0.file.set(file).expect("a clock follows one file");
    }
}
