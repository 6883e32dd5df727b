//! The note that a file was refused, among the small values of the store.

use playrelay_plugin_host::permissions::PermissionReport;
use playrelay_plugin_host::registry::Entry;
use playrelay_store::{SharedStore, StoreError};
use playrelay_util::clock;

use crate::app::known_plugins::OWNER;

fn key(report: &PermissionReport) -> String {
    format!("refused:{}", report.digest)
}

/// Notes that a file was refused. False where there are too many notes.
pub(super) async fn note(store: &SharedStore, report: &PermissionReport) -> Result<bool, StoreError> {
    store.set(OWNER, &key(report), clock::now().to_string().into_bytes(), None).await
}

/// Forgets that a file was refused.
pub(super) async fn forget(store: &SharedStore, report: &PermissionReport) -> Result<(), StoreError> {
    store.delete(OWNER, &key(report)).await
}

/// Whether somebody has refused a file.
pub(super) async fn is_refused(store: &SharedStore, entry: &Entry) -> Result<bool, StoreError> {
    match &entry.inspection {
        Some(report) => Ok(store.get(OWNER, &key(report)).await?.is_some()),
        None => Ok(false),
    }
}
