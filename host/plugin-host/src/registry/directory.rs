//! The files of the plugin directory.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::artifact::{Artifact, ArtifactError};
use crate::component_source::ComponentSource;

/// Files of the plugin directory that are looked at.
const MAX_FILES: usize = 256;

/// How the plugin directory looks from outside: it changes where a file comes, changes or goes. To make one reads no file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DirectoryStamp(BTreeMap<PathBuf, FileStamp>);

/// How a file looks from outside; absent where it cannot be looked at.
type FileStamp = Option<(u64, u64, i64, i64, i64, i64)>;

/// What a file says, and where its bytes are.
pub(super) type FoundPlugin = Result<(Artifact, ComponentSource), ArtifactError>;

impl DirectoryStamp {
    /// Looks at a directory. One that is not there is empty.
    pub fn of(directory: &Path) -> Self {
        let stamp = |path: &Path| {
            // A link counts as what it leads to.
            let facts = fs::metadata(path).ok()?;
            let (modified, changed) =
                ((facts.mtime(), facts.mtime_nsec()), (facts.ctime(), facts.ctime_nsec()));
            Some((facts.ino(), facts.len(), modified.0, modified.1, changed.0, changed.1))
        };
        Self(wasm_files(directory).into_iter().map(|path| (path.clone(), stamp(&path))).collect())
    }

    /// Whether a file looks the same in both.
    pub(super) fn agrees(&self, other: &Self, path: &Path) -> bool {
        self.0.get(path).is_some_and(|stamp| stamp.is_some() && other.0.get(path) == Some(stamp))
    }
}

/// The `.wasm` files of a directory, by name, up to [`MAX_FILES`] of them. One that is not there is empty.
pub(super) fn wasm_files(directory: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = match fs::read_dir(directory) {
        Ok(files) => files.flatten().map(|file| file.path()).collect(),
        Err(error) => {
            tracing::trace!(directory = %directory.display(), %error, "no plugin directory");
            Vec::new()
        }
    };
    files.retain(|path| path.extension().is_some_and(|extension| extension == "wasm"));
    files.sort();
    if files.len() > MAX_FILES {
        tracing::debug!(directory = %directory.display(), "there are {} plugins; {MAX_FILES} are looked at", files.len());
        files.truncate(MAX_FILES);
    }
    files
}

/// The place of the bytes of a file of the plugin directory. A link that leads out of it is refused: what was approved must be what is read.
pub(super) fn source(path: &Path, directory: &Path) -> Result<ComponentSource, ArtifactError> {
    let unreadable = |error: std::io::Error| ArtifactError::Unreadable(error.to_string());
    let real = path.canonicalize().map_err(unreadable)?;
    if !real.starts_with(directory.canonicalize().map_err(unreadable)?) {
        return Err(ArtifactError::Unreadable(
            "it is a link that leads out of the plugin directory".to_owned(),
        ));
    }
    Ok(ComponentSource::File(real))
}

/// Reads a plugin.
pub(super) fn read(source: ComponentSource) -> FoundPlugin {
    Ok((Artifact::read(&source.bytes()?)?, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_changes_with_the_files() {
        let folder = tempfile::TempDir::new().unwrap();
        let stamp = || DirectoryStamp::of(folder.path());
        let empty = stamp();
        assert_eq!(empty, DirectoryStamp::of(&folder.path().join("not-there")));
        fs::write(folder.path().join("a.txt"), "no plugin").unwrap();
        assert_eq!(stamp(), empty, "other files do not count");
        fs::write(folder.path().join("a.wasm"), "one").unwrap();
        let one = stamp();
        assert_ne!(one, empty);
        assert_eq!(stamp(), one);
        let path = folder.path().join("a.wasm");
        fs::write(folder.path().join("b.wasm"), "another").unwrap();
        assert!(stamp().agrees(&one, &path), "another file says nothing of this one");
        assert!(!one.agrees(&stamp(), &folder.path().join("b.wasm")));
        fs::remove_file(folder.path().join("b.wasm")).unwrap();
        fs::write(&path, "three").unwrap();
        assert_ne!(stamp(), one);
        assert!(!stamp().agrees(&one, &path));
        fs::remove_file(folder.path().join("a.wasm")).unwrap();
        assert_eq!(stamp(), empty);
    }
}
