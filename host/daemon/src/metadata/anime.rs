//! The file that maps ids of anime catalogues, kept in the data folder.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use playrelay_engine::mapping::anime::AnimeIndex;
use playrelay_util::lock::lock;
use playrelay_util::private_file;

use crate::imports::anime::{self, CATALOGUES};

/// The kept copy, below the data folder.
const FILE: &str = "anime-mappings.json";
/// The largest file that is read, bytes. The ones that are published have 12 MB.
pub const FILE_LIMIT_BYTES: usize = 64 << 20;
/// Between two looks at whether the kept copy is another one.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// Keeps a file that was checked.
///
/// # Errors
///
/// The data folder cannot be written to; the file before stays whole.
pub fn keep(data: &Path, bytes: &[u8]) -> std::io::Result<()> {
    private_file::replace(&data.join(FILE), "new", bytes)
}

/// The kept copy, read when it is needed, and again when it is another one.
#[derive(Clone)]
pub struct AnimeMappings {
    file: PathBuf,
    read: Arc<Mutex<Kept>>,
}

struct Kept {
    looked: Option<Instant>,
    written: Option<SystemTime>,
    index: Arc<AnimeIndex>,
}

impl AnimeMappings {
    /// The copy in a data folder, if there is one.
    pub fn in_folder(data: &Path) -> Self {
        let nothing = Arc::new(AnimeIndex::new(CATALOGUES, Vec::new()));
        let kept = Kept { looked: None, written: None, index: nothing };
        Self { file: data.join(FILE), read: Arc::new(Mutex::new(kept)) }
    }

    /// The mappings; empty before the first file was read. Blocks while it reads one.
    pub fn index(&self) -> Arc<AnimeIndex> {
        let mut kept = lock(&self.read);
        if kept.looked.is_some_and(|looked| looked.elapsed() < LOOK_INTERVAL) {
            return Arc::clone(&kept.index);
        }
        kept.looked = Some(Instant::now());
        let written = std::fs::metadata(&self.file).and_then(|facts| facts.modified()).ok();
        if written != kept.written {
            kept.written = written;
            match std::fs::read(&self.file)
                .map_err(|error| error.to_string())
                .and_then(|bytes| anime::parse(&bytes).map_err(|error| error.to_string()))
            {
                Ok(index) => kept.index = Arc::new(index),
                Err(error) => {
                    tracing::warn!("{}: the mappings of anime cannot be read: {error}", self.file.display());
                }
            }
        }
        Arc::clone(&kept.index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_copy_is_seen() {
        let folder = tempfile::TempDir::new().unwrap();
        let mappings = AnimeMappings::in_folder(folder.path());
        assert!(mappings.index().is_empty());
        keep(folder.path(), br#"{"1": {"tvdb_id": 2}}"#).unwrap();
        lock(&mappings.read).looked = None;
        assert_eq!(mappings.index().len(), 1);
    }
}
