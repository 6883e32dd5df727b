//! Where the bytes of a component are. They are read when they are needed: to compile it, and to keep a copy.

use std::borrow::Cow;
use std::io::Read;
use std::path::PathBuf;

use crate::artifact::{Artifact, ArtifactError, Digest};
use crate::regular_file;

/// A component that is built into the program.
#[derive(Clone, Copy, Debug)]
pub struct BundledPlugin {
    /// The component, with its manifest.
    pub bytes: &'static [u8],
    /// The SHA-256 of the bytes in hexadecimal: to read them at each start would keep all of them in memory.
    pub digest: &'static str,
}

impl BundledPlugin {
    /// What the component says.
    ///
    /// # Errors
    ///
    /// The bytes are not a plugin, or the digest is not one.
    pub fn artifact(self) -> Result<Artifact, ArtifactError> {
        let digest = Digest::from_hex(self.digest).ok_or(ArtifactError::Changed)?;
        Artifact::read_with_digest(self.bytes, || digest)
    }
}

/// Where the bytes of a component are.
#[derive(Clone, Debug)]
pub(crate) enum ComponentSource {
    /// In the program.
    Bundled(&'static [u8]),
    /// In a file, which is no link.
    File(PathBuf),
}

impl ComponentSource {
    /// The bytes as they are now, piece by piece: whoever reads them looks at their digest.
    pub(crate) fn open(&self) -> Result<Box<dyn Read>, ArtifactError> {
        Ok(match self {
            Self::Bundled(bytes) => Box::new(*bytes),
            Self::File(path) => Box::new(regular_file::open(path)?),
        })
    }

    /// The bytes as they are now.
    pub(crate) fn bytes(&self) -> Result<Cow<'static, [u8]>, ArtifactError> {
        Ok(match self {
            Self::Bundled(bytes) => Cow::Borrowed(bytes),
            Self::File(path) => Cow::Owned(regular_file::read(path)?),
        })
    }

    /// The bytes, if they are still those of this digest.
    pub(crate) fn read(&self, digest: &Digest) -> Result<Cow<'static, [u8]>, ArtifactError> {
        let bytes = self.bytes()?;
        if Digest::of(&bytes) == *digest { Ok(bytes) } else { Err(ArtifactError::Changed) }
    }
}
