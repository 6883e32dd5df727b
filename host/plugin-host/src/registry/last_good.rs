//! Copies of the plugins that serve, or are compiled before they do. Where a file of the plugin directory is replaced by one that nobody has approved, or that is broken, the copy goes
//! on, also after a restart.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use playrelay_util::private_file;

use crate::artifact::Artifact;
use crate::component_source::ComponentSource;
use crate::registry::directory::{self, FoundPlugin};

/// The folder of the copies. Each has the name of the file that it is a copy of.
pub(super) struct LastGood<'a>(pub(super) &'a Path);

impl LastGood<'_> {
    fn path(&self, file: &Path) -> Option<PathBuf> {
        Some(self.0.join(file.file_name()?))
    }

    /// The copy of a file; absent if it was never kept.
    pub(super) fn read(&self, file: &Path) -> Option<FoundPlugin> {
        Some(directory::read(self.source(file)?))
    }

    /// Where the copy of a file is.
    pub(super) fn source(&self, file: &Path) -> Option<ComponentSource> {
        self.path(file).filter(|copy| copy.is_file()).map(ComponentSource::File)
    }

    /// Keeps a copy of a file that serves. The digest stands beside it: to read a copy of many megabytes at each start would tell no more.
    pub(super) fn keep(&self, file: &Path, artifact: &Artifact, source: &ComponentSource) -> io::Result<()> {
        let Some(copy) = self.path(file) else { return Ok(()) };
        let digest = copy.with_extension("sha256");
        let is_kept = fs::metadata(&copy).is_ok_and(|facts| facts.len() == artifact.size as u64)
            && fs::read_to_string(&digest).is_ok_and(|kept| kept == artifact.digest.as_str());
        if is_kept {
            return Ok(());
        }
        let bytes = source.read(&artifact.digest).map_err(io::Error::other)?;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(self.0)?;
        private_file::replace(&copy, "new", &bytes)?;
        private_file::replace(&digest, "new", artifact.digest.as_str().as_bytes())
    }

    /// Forgets the copies of files that are gone: whoever removes a file wants it to stop.
    pub(super) fn retain(&self, files: &[PathBuf]) {
        let names: BTreeSet<_> = files.iter().filter_map(|file| file.file_stem()).collect();
        let is_gone = |copy: &Path| !copy.file_stem().is_some_and(|name| names.contains(name));
        let Ok(copies) = fs::read_dir(self.0) else { return };
        for copy in copies.flatten().filter(|copy| is_gone(&copy.path())) {
            if let Err(error) = fs::remove_file(copy.path()) {
                tracing::warn!("{} cannot be removed: {error}", copy.path().display());
            }
        }
    }
}
