//! Copies of the plugins that serve, or are compiled before they do. Where a file of the plugin directory is replaced by one that nobody has approved, or that is broken, the copy goes
//! on, also after a restart.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use playrelay_util::private_file;

use crate::artifact::{Artifact, ArtifactError, Digest};
use crate::registry::directory;

/// The folder of the copies. Each has the name of the file that it is a copy of.
pub(super) struct LastGood<'a>(pub(super) &'a Path);

impl LastGood<'_> {
    fn path(&self, file: &Path) -> Option<PathBuf> {
        Some(self.0.join(file.file_name()?))
    }

    /// The copy of a file; absent if it was never kept.
    pub(super) fn read(&self, file: &Path) -> Option<Result<Artifact, ArtifactError>> {
        let copy = self.path(file).filter(|copy| copy.is_file())?;
        Some(directory::read_file(&copy).and_then(Artifact::read))
    }

    /// Keeps a copy of a file that serves.
    pub(super) fn keep(&self, file: &Path, artifact: &Artifact) -> io::Result<()> {
        let Some(copy) = self.path(file) else { return Ok(()) };
        if fs::read(&copy).is_ok_and(|bytes| Digest::of(&bytes) == artifact.digest) {
            return Ok(());
        }
        fs::DirBuilder::new().recursive(true).mode(0o700).create(self.0)?;
        private_file::replace(&copy, "new", &artifact.bytes)
    }

    /// Forgets the copies of files that are gone: whoever removes a file wants it to stop.
    pub(super) fn retain(&self, files: &[PathBuf]) {
        let names: BTreeSet<_> = files.iter().filter_map(|file| file.file_name()).collect();
        let Ok(copies) = fs::read_dir(self.0) else { return };
        for copy in copies.flatten().filter(|copy| !names.contains(copy.file_name().as_os_str())) {
            if let Err(error) = fs::remove_file(copy.path()) {
                tracing::warn!("{} cannot be removed: {error}", copy.path().display());
            }
        }
    }
}
