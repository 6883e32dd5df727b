//! The files of one export.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::Serialize;

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WrittenFile {
    /// Its name.
    pub name: String,
    /// How many plays or ratings are in it.
    pub rows: u64,
}

/// A folder of our own, and what was written into it.
pub(super) struct Folder {
    path: PathBuf,
    files: Vec<WrittenFile>,
}

impl Folder {
    /// Makes a folder. One that is there must be empty: what somebody keeps is not mixed with what is new.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        if fs::read_dir(path)?.next().is_some() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is something in it already"));
        }
        Ok(Self { path: path.to_owned(), files: Vec::new() })
    }

    /// Makes a file that only its owner reads.
    pub(super) fn file(&self, name: &str) -> io::Result<BufWriter<File>> {
        let path = self.path.join(name);
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map(BufWriter::new)
    }

    /// Ends a file. One without rows is removed.
    pub(super) fn close(&mut self, name: &str, mut file: impl Write, rows: u64) -> io::Result<()> {
        file.flush()?;
        drop(file);
        if rows == 0 {
            return fs::remove_file(self.path.join(name));
        }
        self.files.push(WrittenFile { name: name.to_owned(), rows });
        Ok(())
    }

    pub(super) fn finish(self) -> io::Result<Vec<WrittenFile>> {
        File::open(&self.path)?.sync_all()?;
        Ok(self.files)
    }
}
