//! Reads a file that may be a plugin, and never anything else.

use std::fs;
use std::io::{self, Read, Take};
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use crate::artifact::{ArtifactError, SIZE_LIMIT};

/// Reads a regular file of a size that a plugin may have.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, ArtifactError> {
    let unreadable = |error: io::Error| ArtifactError::Unreadable(error.to_string());
    let mut file = open(path)?;
    let size = file.get_ref().metadata().map_err(unreadable)?.len();
    // A buffer that grows would be twice as large, and the allocator keeps what it was given once.
    let mut bytes =
        Vec::with_capacity(usize::try_from(size).map_or(SIZE_LIMIT, |size| size.min(SIZE_LIMIT) + 1));
    file.read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

/// Opens a regular file of a size that a plugin may have, to be read up to that size. Anything else may never end.
pub(crate) fn open(path: &Path) -> Result<Take<fs::File>, ArtifactError> {
    let unreadable = |error: io::Error| ArtifactError::Unreadable(error.to_string());
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| unreadable(error.into()))?;
    let file = fs::File::from(file);
    let facts = file.metadata().map_err(unreadable)?;
    if !facts.is_file() {
        return Err(ArtifactError::Unreadable("it is not a regular file".to_owned()));
    }
    if facts.len() > SIZE_LIMIT as u64 {
        return Err(ArtifactError::Size { found: usize::try_from(facts.len()).unwrap_or(usize::MAX) });
    }
    Ok(file.take(SIZE_LIMIT as u64 + 1))
}
