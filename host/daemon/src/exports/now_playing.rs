//! Current playback for other programs: in a file, and over HTTP.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::{fs, io};

use playrelay_engine::now_playing::CurrentlyWatching;
use playrelay_util::lock::lock;
use playrelay_util::private_file;
use serde_json::Value;

use crate::live::{Change, LiveBus};

/// The file, below the data folder.
const FILE: &str = "state/currently_watching.json";

/// The content of the file in a data folder; absent while nothing plays.
pub fn read(data: &Path) -> Option<Value> {
    serde_json::from_slice(&fs::read(data.join(FILE)).ok()?).ok()
}

/// The board. What stands on it is in the file too, which is replaced as a whole whenever something changes, and is absent
/// while nothing plays.
pub struct NowPlaying {
    path: PathBuf,
    shown: Mutex<Option<CurrentlyWatching>>,
    live: LiveBus,
}

impl NowPlaying {
    /// A board in a data folder. What stood there before is replaced with the first thing that is shown.
    pub fn new(data: &Path, live: LiveBus) -> Self {
        Self { path: data.join(FILE), shown: Mutex::default(), live }
    }

    /// Shows what plays now. A file that cannot be written is complained of, once for each change.
    pub fn set(&self, watching: CurrentlyWatching) {
        let mut shown = lock(&self.shown);
        if shown.as_ref() == Some(&watching) {
            return;
        }
        if let Err(error) = self.write(&watching) {
            tracing::warn!("{} cannot be written: {error}", self.path.display());
        }
        *shown = Some(watching);
        drop(shown);
        self.live.publish(Change::Now);
    }

    /// Current playback.
    pub fn entries(&self) -> CurrentlyWatching {
        lock(&self.shown).clone().unwrap_or_default()
    }

    fn write(&self, watching: &CurrentlyWatching) -> io::Result<()> {
        if watching.streams.is_empty() {
            return match fs::remove_file(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            };
        }
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        private_file::replace(&self.path, "new", &serde_json::to_vec(watching)?)
    }
}
