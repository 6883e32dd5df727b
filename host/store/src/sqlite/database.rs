//! The file: opened, migrated, written by one and read by another.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

use crate::sqlite::schema;
use crate::sqlite::writer::Writer;
use crate::{Store, StoreError};

/// How long another process (a command beside the daemon) may hold the database.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Pages in the write-ahead log after which it is folded into the database, idle or not.
const CHECKPOINT_PAGES: i64 = 16_000;

/// The database.
pub struct SqliteStore {
    pub(super) writer: Writer,
    reader: Arc<Mutex<Connection>>,
    path: String,
}

impl SqliteStore {
    /// Opens a database, making or migrating it where needed.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let shown = path.display().to_string();
        let failed =
            |error: rusqlite::Error| StoreError::Database { path: shown.clone(), reason: error.to_string() };
        make_private(path)
            .map_err(|error| StoreError::Database { path: shown.clone(), reason: error.to_string() })?;
        let mut connection = connect(path).map_err(failed)?;
        schema::migrate(&mut connection).map_err(failed)?;
        let reader = connect(path).map_err(failed)?;
        let writer = Writer::start(connection, path)
            .map_err(|error| StoreError::Database { path: shown.clone(), reason: error.to_string() })?;
        Ok(Self { writer, reader: Arc::new(Mutex::new(reader)), path: shown })
    }

    /// Reads, on a connection of its own.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let reader = Arc::clone(&self.reader);
        let result =
            tokio::task::spawn_blocking(move || work(&reader.lock().unwrap_or_else(PoisonError::into_inner)));
        match result.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                Err(StoreError::Database { path: self.path.clone(), reason: error.to_string() })
            }
            Err(_) => Err(StoreError::Closed),
        }
    }
}

/// Makes the file where it is missing, for our eyes only: SQLite gives its other files the same mode.
fn make_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path).map(drop)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // FULL: a commit is on the disk before it is answered.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.set_prepared_statement_cache_capacity(128);
    // What a filter looks for is written in any case.
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("folded", 1, flags, |arguments| {
        Ok(arguments.get::<Option<String>>(0)?.map(|text| text.to_lowercase()))
    })?;
    Ok(connection)
}

#[async_trait]
impl Store for SqliteStore {
    async fn is_writable(&self) -> Result<(), StoreError> {
        if !self.writer.has_failed() {
            return self.read(|connection| connection.query_row("SELECT 1", [], |_| Ok(()))).await;
        }
        let tried = self.writer.write(|connection| {
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO versions (name, version) VALUES ('tried', abs(random() % 1000000))",
                )?
                .execute([])
                .map(drop)
        });
        tried.await
    }

    async fn installation(&self) -> Result<String, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT value FROM facts WHERE name = 'installation'")?
                .query_row([], |row| row.get(0))
        })
        .await
    }
}
