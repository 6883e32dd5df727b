//! Reads a file that may be a plugin, and never anything else.

use std::fs;
use std::io::Read;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use crate::artifact::{ArtifactError, SIZE_LIMIT};

/// Reads a regular file of a size that a plugin may have. Anything else may never end.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, ArtifactError> {
    let unreadable = |error: std::io::Error| ArtifactError::Unreadable(error.to_string());
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
    let mut bytes = Vec::new();
    file.take(SIZE_LIMIT as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}
