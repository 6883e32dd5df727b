//! Where webhooks are stored: in the database, or on this node's disk while a database on a server is away.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use playrelay_store::spool::Spool;
use playrelay_store::{Received, SharedStore, StoreError, vault};
use tokio::sync::Notify;

use crate::inbox::STORE_RETRY_DELAY;

/// The file in the data folder.
const FILE: &str = "spool.db";
/// A database that has not stored a request after this long is taken to be away.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(5);
/// Requests that are read from the spool at a time.
const PAGE_REQUESTS: u32 = 32;

/// Stores requests. Whatever it has confirmed is on a disk.
pub struct RequestInbox {
    store: SharedStore,
    /// Absent where the database is a file: it is on the same disk.
    spool: Option<Spool>,
    /// Something was put into the spool.
    spooled: Notify,
}

impl RequestInbox {
    /// Requests go into a file.
    pub fn of_file(store: SharedStore) -> Self {
        Self { store, spool: None, spooled: Notify::new() }
    }

    /// Requests go to a server, and while it is away into a file in the data folder.
    ///
    /// # Errors
    ///
    /// The file cannot be used.
    pub fn of_server(store: SharedStore, data: &Path) -> Result<Self, StoreError> {
        let spool = Some(Spool::open(&data.join(FILE))?);
        Ok(Self { store, spool, spooled: Notify::new() })
    }

    /// Stores a request. Gives its id; absent where it waits on this node's disk for the database.
    ///
    /// # Errors
    ///
    /// It could not be stored anywhere.
    pub async fn receive(&self, received: Received) -> Result<Option<i64>, StoreError> {
        let Some(spool) = &self.spool else { return self.store.receive(received).await.map(Some) };
        // What the database may have stored without an answer is known by its key when it comes again.
        let key = vault::random_token().map_err(|error| StoreError::Unwritable(error.to_string()))?;
        let key = key.expose().to_owned();
        // In order: nothing goes before what waits.
        if spool.is_empty() {
            let stored = self.store.receive_once(key.clone(), received.clone());
            match tokio::time::timeout(DATABASE_TIMEOUT, stored).await {
                Ok(Ok(id)) => return Ok(Some(id)),
                Ok(Err(error)) => {
                    tracing::error!("requests wait on this node's disk until the database is back: {error}");
                }
                Err(_) => tracing::error!(
                    "requests wait on this node's disk: the database does not answer within {} s",
                    DATABASE_TIMEOUT.as_secs()
                ),
            }
        }
        spool.keep(key, received).await?;
        self.spooled.notify_one();
        Ok(None)
    }

    /// Moves what waits in the spool to the database, as long as the program runs.
    pub async fn forward(self: Arc<Self>) {
        let Some(spool) = &self.spool else { return };
        loop {
            if spool.is_empty() {
                self.spooled.notified().await;
            }
            match self.forward_page(spool).await {
                Ok(0) => {}
                Ok(count) => {
                    tracing::info!(count, "requests that waited on this node's disk are in the database");
                }
                Err(error) => {
                    tracing::debug!("the database is still away: {error}");
                    tokio::time::sleep(STORE_RETRY_DELAY).await;
                }
            }
        }
    }

    /// Moves the oldest requests. Gives how many.
    async fn forward_page(&self, spool: &Spool) -> Result<usize, StoreError> {
        let waiting = spool.oldest(PAGE_REQUESTS).await?;
        let Some(last) = waiting.last().map(|request| request.id) else { return Ok(0) };
        // At once, so that they share transactions, and in this order. Where one fails all come again: their keys are known.
        let stored = waiting.iter().map(|it| self.store.receive_once(it.key.clone(), it.received.clone()));
        let stored = try_join_all(stored).await?;
        spool.remove_until(last).await?;
        Ok(stored.len())
    }
}
