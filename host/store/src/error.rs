//! Why a store fails.

/// Why something could not be stored or read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused.
    #[error("the database at {path} failed: {reason}")]
    Database {
        /// The file of the database.
        path: String,
        /// The error of the database.
        reason: String,
    },
    /// A copy of the database could not be written.
    #[error("the copy {path} cannot be written: {reason}")]
    Copy {
        /// The file of the copy.
        path: String,
        /// The reason, in words.
        reason: String,
    },
    /// More is waiting to be written than is sound.
    #[error("too much is waiting to be stored")]
    Busy,
    /// Another node has taken over.
    #[error("another node has taken over what this one owned")]
    LeaseLost,
    /// It cannot be written down at all.
    #[error("it cannot be written down: {0}")]
    Unwritable(String),
    /// It has been closed.
    #[error("the database is closed")]
    Closed,
}
