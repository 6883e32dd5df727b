//! Why a history cannot be read.

use std::io;

/// All that is read of an upload may have so many bytes, whatever the zip declares.
pub(super) const MAX_INFLATED_BYTES: u64 = 500 << 20;

/// Why a history cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error("the file cannot be read: {0}")]
    Io(#[from] io::Error),
    /// The archive is no zip, or a broken one.
    #[error("the zip cannot be read: {0}; download it again")]
    Zip(String),
    /// It is larger than a history is.
    #[error("it inflates to more than {} MB; take out what is no history", MAX_INFLATED_BYTES >> 20)]
    TooLarge,
    /// Nothing in it has the form.
    #[error("nothing in it has the form of {0}; expected {1}")]
    Nothing(&'static str, &'static str),
    /// A file of it is not what it should be.
    #[error("{name}: {reason}")]
    File {
        /// Its name.
        name: String,
        /// What was found, and what was expected.
        reason: String,
    },
}
