//! What is stored of notifications, among the small values of the host.

use jiff::Timestamp;
use playrelay_engine::notifications::{ConditionLedger, NotificationQueue};
use playrelay_store::{SharedStore, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The owner of what belongs to all notifiers. No source has such a name.
const OWNER: &str = "host:notify:";
const LEDGER: &str = "conditions";
const QUEUE: &str = "queue";
const PLAYS_UNTIL: &str = "plays-until";
const JOBS_UNTIL: &str = "jobs-until";

/// The owner of what belongs to one notifier: each has room of its own.
fn owner(notifier: &str) -> String {
    format!("{OWNER}{notifier}")
}

/// Which conditions last.
///
/// # Errors
///
/// The store failed.
pub(crate) async fn ledger(store: &SharedStore) -> Result<ConditionLedger, StoreError> {
    read(store, OWNER, LEDGER).await
}

/// Stores which conditions last.
pub(super) async fn store_ledger(store: &SharedStore, ledger: &ConditionLedger) -> Result<(), StoreError> {
    write(store, OWNER, LEDGER, ledger).await
}

/// What a notifier has still to send.
///
/// # Errors
///
/// The store failed.
pub(crate) async fn queue(store: &SharedStore, notifier: &str) -> Result<NotificationQueue, StoreError> {
    read(store, &owner(notifier), QUEUE).await
}

/// Stores what a notifier has still to send.
pub(super) async fn store_queue(
    store: &SharedStore,
    notifier: &str,
    queue: &NotificationQueue,
) -> Result<(), StoreError> {
    write(store, &owner(notifier), QUEUE, queue).await
}

/// Until when plays were told of; absent before the first time.
pub(super) async fn plays_until(store: &SharedStore) -> Result<Option<Timestamp>, StoreError> {
    read(store, OWNER, PLAYS_UNTIL).await
}

/// Stores until when plays were told of.
pub(super) async fn store_plays_until(store: &SharedStore, until: Timestamp) -> Result<(), StoreError> {
    write(store, OWNER, PLAYS_UNTIL, &Some(until)).await
}

/// Until when jobs that ended were told of; absent before the first time.
pub(super) async fn jobs_until(store: &SharedStore) -> Result<Option<Timestamp>, StoreError> {
    read(store, OWNER, JOBS_UNTIL).await
}

/// Stores until when jobs that ended were told of.
pub(super) async fn store_jobs_until(store: &SharedStore, until: Timestamp) -> Result<(), StoreError> {
    write(store, OWNER, JOBS_UNTIL, &Some(until)).await
}

/// Reads a value. Gives the default if the store has none, or if this version cannot read what another version wrote.
async fn read<T: DeserializeOwned + Default>(
    store: &SharedStore,
    owner: &str,
    key: &str,
) -> Result<T, StoreError> {
    let Some(stored) = store.get(owner, key).await? else { return Ok(T::default()) };
    Ok(serde_json::from_slice(&stored).unwrap_or_else(|error| {
        tracing::warn!(key, "what is stored of notifications cannot be read, and begins anew: {error}");
        T::default()
    }))
}

async fn write(
    store: &SharedStore,
    owner: &str,
    key: &str,
    value: &impl Serialize,
) -> Result<(), StoreError> {
    let value = serde_json::to_vec(value).map_err(|error| StoreError::Unwritable(error.to_string()))?;
    match store.set(owner, key, value, None).await? {
        true => Ok(()),
        false => Err(StoreError::Unwritable(format!("{owner}{key} has no room"))),
    }
}
