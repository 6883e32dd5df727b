//! Changes that the tasks of this process do not hear of otherwise.

use tokio::sync::watch;

/// Counts the changes that other processes and commands make. Tasks wait for the next one instead of asking the database again and again.
#[derive(Debug)]
pub struct ChangeCounter(watch::Sender<u64>);

impl Default for ChangeCounter {
    fn default() -> Self {
        Self(watch::channel(0).0)
    }
}

impl ChangeCounter {
    /// Something has, or may have, changed.
    pub fn increment(&self) {
        self.0.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// The count, and its next values.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }
}
