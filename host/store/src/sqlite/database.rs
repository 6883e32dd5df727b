//! The file: opened, migrated, written by one and read by another.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use playrelay_util::lock::lock;
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, OptionalExtension};

use crate::sqlite::rows::time;
use crate::sqlite::writer::Writer;
use crate::sqlite::{copies, household, schema};
use crate::{Household, Kept, Store, StoreError};

/// How long another process (a command beside the daemon) may hold the database.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Pages in the write-ahead log after which it is folded into the database, idle or not.
const CHECKPOINT_PAGES: i64 = 16_000;

/// The data of one household in a database.
pub struct SqliteStore {
    database: Arc<Database>,
    household: Household,
}

/// The file and its connections, shared by all households.
struct Database {
    writer: Writer,
    reader: Arc<Mutex<Connection>>,
    path: String,
}

impl SqliteStore {
    /// Opens a database for the household `home`. A missing one is made; an older one is copied beside itself, and then migrated.
    ///
    /// # Errors
    ///
    /// The file cannot be opened, written or copied, it is no database, or a newer program wrote it. Nothing is changed then.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let shown = path.display().to_string();
        let failed =
            |error: rusqlite::Error| StoreError::Database { path: shown.clone(), reason: error.to_string() };
        make_private(path)
            .map_err(|error| StoreError::Database { path: shown.clone(), reason: error.to_string() })?;
        let mut connection = connect(path).map_err(failed)?;
        copies::before_migration(&connection, path)
            .map_err(|reason| StoreError::Database { path: shown.clone(), reason })?;
        schema::migrate(&mut connection).map_err(failed)?;
        let reader = connect(path).map_err(failed)?;
        let writer = Writer::start(connection, path)
            .map_err(|error| StoreError::Database { path: shown.clone(), reason: error.to_string() })?;
        let database = Database { writer, reader: Arc::new(Mutex::new(reader)), path: shown };
        Ok(Self { database: Arc::new(database), household: Household::home() })
    }

    /// The data of another household in the same database.
    pub fn of_household(&self, household: Household) -> Self {
        Self { database: Arc::clone(&self.database), household }
    }

    /// Reads, on a connection of its own.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reader, household) = (Arc::clone(&self.database.reader), self.household.clone());
        let result = tokio::task::spawn_blocking(move || {
            let connection = lock(&reader);
            household::within(&household, || work(&connection))
        });
        match result.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                Err(StoreError::Database { path: self.database.path.clone(), reason: error.to_string() })
            }
            Err(_) => Err(StoreError::Closed),
        }
    }

    /// Has some work done in a transaction. All of it is durable when this returns, or none of it is there.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let household = self.household.clone();
        self.database.writer.write(move |connection| household::within(&household, || work(connection))).await
    }

    /// The same for work that is a single statement, which SQLite does or leaves undone as a whole.
    pub(super) async fn write_one<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let household = self.household.clone();
        self.database
            .writer
            .write_one(move |connection| household::within(&household, || work(connection)))
            .await
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
    household::register(&connection)?;
    // What a filter looks for is written in any case.
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("folded", 1, flags, |arguments| {
        Ok(arguments.get::<Option<String>>(0)?.map(|text| text.to_lowercase()))
    })?;
    Ok(connection)
}

#[async_trait]
impl Store for SqliteStore {
    fn household(&self) -> &Household {
        &self.household
    }

    async fn is_writable(&self) -> Result<(), StoreError> {
        if !self.database.writer.has_failed() {
            return self.read(|connection| connection.query_row("SELECT 1", [], |_| Ok(()))).await;
        }
        let tried = self.write(|connection| {
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO versions (household, name, version)
                     VALUES (household(), 'tried', abs(random() % 1000000))",
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

    async fn copy_to(&self, file: &Path) -> Result<(), StoreError> {
        let (path, file) = (self.database.path.clone(), file.to_owned());
        let shown = file.display().to_string();
        let written = tokio::task::spawn_blocking(move || {
            // On a connection of its own: it takes as long as the disk needs, and nobody waits for it.
            let connection = connect(Path::new(&path)).map_err(|error| error.to_string())?;
            copies::write(&connection, &file)
        });
        match written.await {
            Ok(written) => written.map_err(|reason| StoreError::Copy { path: shown, reason }),
            Err(_) => Err(StoreError::Closed),
        }
    }

    async fn size(&self) -> Result<u64, StoreError> {
        let failed = |error: std::io::Error| StoreError::Database {
            path: self.database.path.clone(),
            reason: error.to_string(),
        };
        let database = std::fs::metadata(&self.database.path).map_err(failed)?.len();
        // There is no log where nothing was written since it was folded in.
        let log = std::fs::metadata(format!("{}-wal", self.database.path)).map_or(0, |log| log.len());
        Ok(database + log)
    }

    async fn kept(&self) -> Result<Kept, StoreError> {
        self.read(|connection| {
            let count = |table: &str| {
                connection
                    .prepare_cached(&format!("SELECT COUNT(*) FROM {table} WHERE household = household()"))?
                    .query_row([], |row| row.get(0).map(i64::unsigned_abs))
            };
            // Ids grow by time.
            let oldest = connection
                .prepare_cached(
                    "SELECT received_at FROM inbox NOT INDEXED WHERE household = household() ORDER BY id LIMIT 1",
                )?
                .query_row([], |row| row.get(0).map(time))
                .optional()?;
            Ok(Kept {
                events: count("inbox INDEXED BY inbox_source")?,
                oldest_event: oldest,
                plays: count("plays INDEXED BY plays_open")?,
                deliveries: count("outbox INDEXED BY outbox_subject")?,
            })
        })
        .await
    }
}
