//! Requests on a node's own disk, while the database on a server is away. Media servers do not send a webhook again.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use playrelay_util::lock::lock;
use rusqlite::{Connection, params};

use crate::{Received, StoreError, sqlite};

/// The largest that the file becomes: 256 MiB in pages of 4 KiB. More requests are refused.
const MAX_PAGES: i64 = (256 << 20) / (4 << 10);
/// The table. Ids are never used again: with the node's name they make a key.
const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS spooled (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL,
    source TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    request BLOB NOT NULL,
    person TEXT
)";

/// The file with the requests that wait for the database.
pub struct Spool {
    connection: Arc<Mutex<Connection>>,
    place: String,
    is_empty: Arc<AtomicBool>,
}

/// A request that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpooledRequest {
    /// Its place.
    pub id: i64,
    /// The key by which the database knows it, should it have stored it already.
    pub key: String,
    /// The request.
    pub received: Received,
}

impl Spool {
    /// Opens the file, which is made where it is missing (mode 0600).
    ///
    /// # Errors
    ///
    /// It cannot be read or written, or is no database.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let place = path.display().to_string();
        let failed = |reason: String| StoreError::Database { path: place.clone(), reason };
        sqlite::make_private(path).map_err(|error| failed(error.to_string()))?;
        let opened = sqlite::connect(path).and_then(|connection| {
            connection.execute_batch(SCHEMA)?;
            connection.pragma_update(None, "max_page_count", MAX_PAGES)?;
            let is_empty = !connection.prepare("SELECT 1 FROM spooled LIMIT 1")?.exists([])?;
            Ok((connection, is_empty))
        });
        let (connection, is_empty) = opened.map_err(|error| failed(error.to_string()))?;
        Ok(Self {
            connection: Arc::new(Mutex::new(connection)),
            is_empty: Arc::new(AtomicBool::new(is_empty)),
            place,
        })
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.is_empty.load(Ordering::Relaxed)
    }

    /// Keeps a request. Durable when it returns.
    ///
    /// # Errors
    ///
    /// The disk fails or is full, or too much waits already.
    pub async fn keep(&self, key: String, received: Received) -> Result<(), StoreError> {
        let is_empty = Arc::clone(&self.is_empty);
        self.on_thread(move |connection| {
            let Received { source, at, request, person } = &received;
            connection
                .prepare_cached(
                    "INSERT INTO spooled (key, source, received_at, request, person) VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![key, source, at.as_millisecond(), request, person])?;
            is_empty.store(false, Ordering::Relaxed);
            Ok(())
        })
        .await
    }

    /// The requests that wait, the oldest first.
    ///
    /// # Errors
    ///
    /// The disk fails.
    pub async fn oldest(&self, limit: u32) -> Result<Vec<SpooledRequest>, StoreError> {
        let read = move |connection: &Connection| {
            connection
                .prepare_cached(
                    "SELECT id, key, source, received_at, request, person FROM spooled ORDER BY id LIMIT ?1",
                )?
                .query_map([limit], |row| {
                    let at = Timestamp::from_millisecond(row.get(3)?).unwrap_or(Timestamp::UNIX_EPOCH);
                    let received =
                        Received { source: row.get(2)?, at, request: row.get(4)?, person: row.get(5)? };
                    Ok(SpooledRequest { id: row.get(0)?, key: row.get(1)?, received })
                })?
                .collect()
        };
        self.on_thread(read).await
    }

    /// Removes the requests up to this one: the database has them.
    ///
    /// # Errors
    ///
    /// The disk fails.
    pub async fn remove_until(&self, id: i64) -> Result<(), StoreError> {
        let is_empty = Arc::clone(&self.is_empty);
        self.on_thread(move |connection| {
            connection.prepare_cached("DELETE FROM spooled WHERE id <= ?1")?.execute([id])?;
            let waits = connection.prepare_cached("SELECT 1 FROM spooled LIMIT 1")?.exists([])?;
            is_empty.store(!waits, Ordering::Relaxed);
            Ok(())
        })
        .await
    }

    async fn on_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let connection = Arc::clone(&self.connection);
        match tokio::task::spawn_blocking(move || work(&lock(&connection))).await {
            Ok(result) => result.map_err(|error| StoreError::Database {
                path: self.place.clone(),
                reason: error.to_string(),
            }),
            Err(_) => Err(StoreError::Closed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(number: u8) -> Received {
        Received {
            source: "home".to_owned(),
            at: Timestamp::UNIX_EPOCH,
            request: vec![number],
            person: Some("ada".to_owned()),
        }
    }

    #[tokio::test]
    async fn what_waits_is_there_after_a_restart_in_its_order() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("spool.db");
        let spool = Spool::open(&path).expect("a new file");
        assert!(spool.is_empty());
        for number in 1..=3 {
            spool.keep(format!("key-{number}"), received(number)).await.expect("our disk");
        }
        drop(spool);
        let spool = Spool::open(&path).expect("our file");
        assert!(!spool.is_empty());
        let waiting = spool.oldest(2).await.expect("our file");
        let expected: Vec<_> = (1..=2)
            .map(|number| SpooledRequest {
                id: i64::from(number),
                key: format!("key-{number}"),
                received: received(number),
            })
            .collect();
        assert_eq!(waiting, expected);
        for id in 1..=3 {
            assert!(!spool.is_empty());
            spool.remove_until(id).await.expect("our file");
        }
        assert!(spool.is_empty() && spool.oldest(2).await.expect("our file").is_empty());
        spool.keep("key-4".to_owned(), received(4)).await.expect("our disk");
        assert_eq!(spool.oldest(1).await.expect("our file")[0].id, 4, "an id is never used again");
    }
}
