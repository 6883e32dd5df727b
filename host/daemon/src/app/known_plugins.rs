//! The note that a plugin was approved once, among the small values of the store. It outlives the approval and the file: an account whose plugin is gone waits,
//! and is no mistake of the configuration.

use playrelay_store::{SharedStore, StoreError};

/// The owner of all notes of plugins among the small values.
pub(crate) const OWNER: &str = "host:plugins";

fn key(id: &str) -> String {
    format!("known:{id}")
}

/// Notes that a plugin is approved. Where there are too many notes, its accounts are a mistake once it is gone.
pub(crate) async fn note(store: &SharedStore, id: &str) -> Result<(), StoreError> {
    if !store.set(OWNER, &key(id), Vec::new(), None).await? {
        tracing::debug!(%id, "there are too many notes of plugins");
    }
    Ok(())
}

/// Whether a plugin was approved once.
pub(crate) async fn is_known(store: &SharedStore, id: &str) -> Result<bool, StoreError> {
    Ok(store.get(OWNER, &key(id)).await?.is_some())
}
