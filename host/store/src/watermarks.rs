//! Times that the program keeps of a source, or of itself, among the small values of owners. No plugin has such an owner.

use jiff::Timestamp;

use crate::{SharedStore, StoreError};

/// A time that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watermark {
    /// When the source was listened to for the very first time.
    FirstSeen,
    /// Until when the source was listened to.
    SeenUntil,
    /// When somebody last used a webhook token that was replaced.
    OldTokenUsed,
    /// When the daemon was started last; of [`DAEMON`].
    Started,
}

/// Stands for a source where a time is kept of the daemon. No source has this name.
pub const DAEMON: &str = "";

impl Watermark {
    /// The stored word.
    fn key(self) -> &'static str {
        match self {
            Self::FirstSeen => "heard-first",
            Self::SeenUntil => "heard-until",
            Self::OldTokenUsed => "old-token-used-at",
            Self::Started => "started-at",
        }
    }
}

fn owner(source: &str) -> String {
    format!("host:{source}")
}

/// The time; absent where it is not kept, or what is stored is no time.
///
/// # Errors
///
/// The store failed.
pub async fn read(
    store: &SharedStore,
    source: &str,
    watermark: Watermark,
) -> Result<Option<Timestamp>, StoreError> {
    let stored = store.get(&owner(source), watermark.key()).await?;
    Ok(stored.and_then(|bytes| String::from_utf8(bytes).ok()).and_then(|text| text.parse().ok()))
}

/// Forgets the time.
///
/// # Errors
///
/// The store failed; the time stays.
pub async fn erase(store: &SharedStore, source: &str, watermark: Watermark) -> Result<(), StoreError> {
    store.delete(&owner(source), watermark.key()).await
}

/// Keeps a time, in place of the one before.
///
/// # Errors
///
/// The time before stays where the store fails, or the source has no room for another value.
pub async fn write(
    store: &SharedStore,
    source: &str,
    watermark: Watermark,
    at: Timestamp,
) -> Result<(), StoreError> {
    match store.set(&owner(source), watermark.key(), at.to_string().into_bytes(), None).await? {
        true => Ok(()),
        false => Err(StoreError::Unwritable(format!("{source:?} has no room for another value"))),
    }
}
