//! The log of what was taken off watchlists: in the store, and in a file for other programs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use jiff::{SignedDuration, Timestamp};
use playrelay_store::{SharedOwner, StoreError};
use playrelay_util::private_file;
use tokio::sync::Mutex;

/// The file, below the data folder. Its shape is that of CrossWatch: keys with Unix seconds.
const FILE: &str = "state/watchlist_wl_autoremove.json";
/// A title that was removed this recently is not removed again: two routes may lead to one list.
const RECENT: SignedDuration = SignedDuration::from_secs(120);

/// The log.
pub struct RemovalLog {
    store: SharedOwner,
    path: PathBuf,
    writing: Mutex<()>,
}

impl RemovalLog {
    /// A log in a data folder.
    pub fn new(store: SharedOwner, data: &Path) -> Self {
        Self { store, path: data.join(FILE), writing: Mutex::default() }
    }

    /// Whether it was taken off a moment ago.
    ///
    /// # Errors
    ///
    /// Fails where the database cannot be read.
    pub async fn is_recent(&self, key: &str, now: Timestamp) -> Result<bool, StoreError> {
        let known = self.store.removals().await?;
        let is_fresh =
            |(known, at): &(String, Timestamp)| known == key && now.duration_since(*at).abs() < RECENT;
        Ok(known.iter().any(is_fresh))
    }

    /// Notes that it was taken off. A file that cannot be written is complained of; the log itself is in the store.
    ///
    /// # Errors
    ///
    /// Fails where the database cannot be written to: nothing is noted.
    pub async fn append(&self, key: String, now: Timestamp) -> Result<(), StoreError> {
        self.store.record_removal(key, now).await?;
        let _writing = self.writing.lock().await;
        let entries = self.store.removals().await?;
        if let Err(error) = self.write(&entries) {
            tracing::warn!("{} cannot be written: {error}", self.path.display());
        }
        Ok(())
    }

    fn write(&self, entries: &[(String, Timestamp)]) -> io::Result<()> {
        let entries: BTreeMap<&str, f64> = entries
            .iter()
            .map(|(key, at)| (key.as_str(), at.duration_since(Timestamp::UNIX_EPOCH).as_secs_f64()))
            .collect();
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        private_file::replace(&self.path, "new", &serde_json::to_vec(&entries)?)
    }
}
