//! The store in a database: written by one thread, read by others.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use async_trait::async_trait;
use playrelay_util::lock::lock;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::change_counter::ChangeCounter;
use crate::postgres::PostgresServer;
use crate::recent_requests::RecentRequests;
use crate::signals::Signals;
use crate::sql::{Connection, Fence, OptionalExtension, params};
use crate::tables::rows::time;
use crate::writer::Writer;
use crate::writer_thread::WriterConnection;
use crate::{Household, Kept, Store, StoreError, copy, postgres, sql, sqlite};

/// The data of one household in a database.
#[derive(Clone)]
pub struct SqlStore {
    database: Arc<Database>,
    household: Household,
    /// The lease under which this store writes; absent where any node may write what is written.
    lease: Option<Arc<Lease>>,
}

/// A lease that was taken.
struct Lease {
    fence: Fence,
    /// Whether a write has shown that another node has it.
    is_lost: watch::Sender<bool>,
}

/// A database and its connections, shared by all households.
struct Database {
    writer: Writer,
    reader: Reader,
    changes: Arc<ChangeCounter>,
    recent: Arc<RecentRequests>,
    signals: Arc<Signals>,
    /// The task that hears what other programs write to a server, once somebody waits for that. It ends with this.
    listener: OnceLock<JoinSet<()>>,
    /// Whether this process owns the household.
    is_owner: Arc<AtomicBool>,
    /// Where it is, as messages name it.
    place: String,
}

/// From where is read.
enum Reader {
    /// From a file.
    File { path: PathBuf, connection: Arc<Mutex<Connection>> },
    /// From a server.
    Server(PostgresServer),
}

impl SqlStore {
    /// The store in a file.
    pub(crate) fn of_file(
        path: &Path,
        writer: Connection,
        reader: Connection,
        household: Household,
    ) -> std::io::Result<Self> {
        let place = path.display().to_string();
        let connection = WriterConnection::File { connection: Box::new(writer), path: path.to_owned() };
        let reader = Reader::File { path: path.to_owned(), connection: Arc::new(Mutex::new(reader)) };
        Self::open(connection, reader, place, household)
    }

    /// The store on a server.
    pub(crate) fn of_server(server: PostgresServer, household: Household) -> std::io::Result<Self> {
        let place = server.place().to_owned();
        Self::open(WriterConnection::Server(server.clone()), Reader::Server(server), place, household)
    }

    fn open(
        connection: WriterConnection,
        reader: Reader,
        place: String,
        household: Household,
    ) -> std::io::Result<Self> {
        let (changes, recent) = (Arc::<ChangeCounter>::default(), Arc::<RecentRequests>::default());
        let (counter, kept) = (Arc::clone(&changes), Arc::clone(&recent));
        let is_owner = Arc::<AtomicBool>::default();
        let writer = Writer::start(connection, &place, Arc::clone(&is_owner), move || {
            kept.forget();
            counter.increment();
        })?;
        let signals = Arc::default();
        Ok(Self {
            database: Arc::new(Database {
                writer,
                reader,
                changes,
                recent,
                signals,
                listener: OnceLock::new(),
                is_owner,
                place,
            }),
            household,
            lease: None,
        })
    }

    /// The data of another household in the same database.
    #[must_use]
    pub fn of_household(&self, household: Household) -> Self {
        Self { database: Arc::clone(&self.database), household, lease: None }
    }

    fn failed(&self, error: &dyn std::fmt::Display) -> StoreError {
        StoreError::Database { path: self.database.place.clone(), reason: error.to_string() }
    }

    /// Reads, on a connection of its own.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> sql::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let household = self.household.clone();
        let result = match &self.database.reader {
            Reader::File { connection, .. } => {
                let connection = Arc::clone(connection);
                tokio::task::spawn_blocking(move || {
                    let connection = lock(&connection);
                    connection.within(&household, None, || work(&connection))
                })
                .await
            }
            Reader::Server(server) => {
                let server = server.clone();
                tokio::task::spawn_blocking(move || server.read(&household, work)).await
            }
        };
        match result {
            Ok(result) => result.map_err(|error| self.failed(&error)),
            Err(_) => Err(StoreError::Closed),
        }
    }

    /// Writes on a server, beside the thread that writes: what must not wait for a long transaction.
    pub(crate) async fn write_apart<T: Send + 'static>(
        &self,
        server: &PostgresServer,
        work: impl FnOnce(&Connection) -> sql::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (server, household) = (server.clone(), self.household.clone());
        match tokio::task::spawn_blocking(move || server.write_apart(&household, work)).await {
            Ok(result) => result.map_err(|error| self.failed(&error)),
            Err(_) => Err(StoreError::Closed),
        }
    }

    /// Has some work done in a transaction. All of it is durable when this returns, or none of it is there. It may be done again: it must
    /// change nothing but the database.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&Connection) -> sql::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.write_then(work, |_| {}).await
    }

    /// The same for what no task of the owner is told otherwise: a command, a job, a login.
    pub(crate) async fn command<T: Send + 'static>(
        &self,
        work: impl Fn(&Connection) -> sql::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let changes = Arc::clone(&self.database.changes);
        self.write_then(work, move |_| changes.increment()).await
    }

    /// The same, with something that is done with what the work gave, in the order of the commits.
    pub(crate) async fn write_then<T: Send + 'static>(
        &self,
        work: impl Fn(&Connection) -> sql::Result<T> + Send + 'static,
        on_commit: impl Fn(&T) + Send + 'static,
    ) -> Result<T, StoreError> {
        let result = self.database.writer.write(&self.household, self.fence(), work, on_commit).await;
        if let (Err(StoreError::LeaseLost), Some(lease)) = (&result, &self.lease) {
            lease.is_lost.send_replace(true);
            self.give_up_ownership();
        }
        result
    }

    /// The same store for the owner of the household: what it writes needs the lease.
    pub(crate) fn fenced(&self, fence: Fence) -> Self {
        self.database.is_owner.store(true, Ordering::Relaxed);
        let lease = Lease { fence, is_lost: watch::channel(false).0 };
        Self { lease: Some(Arc::new(lease)), ..self.clone() }
    }

    /// This process does not own the household any more.
    pub(crate) fn give_up_ownership(&self) {
        self.database.is_owner.store(false, Ordering::Relaxed);
    }

    /// The lease under which this store writes.
    pub(crate) fn fence(&self) -> Option<Fence> {
        self.lease.as_ref().map(|lease| lease.fence.clone())
    }

    /// Becomes true once the lease was lost. Without a lease it never does.
    pub(crate) fn lease_lost(&self) -> watch::Receiver<bool> {
        match &self.lease {
            Some(lease) => lease.is_lost.subscribe(),
            None => watch::channel(false).1,
        }
    }

    /// The server; absent where the database is a file.
    pub(crate) fn server(&self) -> Option<&PostgresServer> {
        match &self.database.reader {
            Reader::File { .. } => None,
            Reader::Server(server) => Some(server),
        }
    }

    /// The signals for the tasks of this process.
    pub(crate) fn signals(&self) -> &Arc<Signals> {
        &self.database.signals
    }

    /// The requests that this process has just stored; absent where others may store some between them at any time.
    pub(crate) fn recent_requests(&self) -> Option<Arc<RecentRequests>> {
        matches!(self.database.reader, Reader::File { .. }).then(|| Arc::clone(&self.database.recent))
    }
}

#[async_trait]
impl Store for SqlStore {
    fn household(&self) -> &Household {
        &self.household
    }

    fn changes(&self) -> watch::Receiver<u64> {
        if let Some(server) = self.server() {
            self.database.listener.get_or_init(|| {
                let mut tasks = JoinSet::new();
                tasks.spawn(postgres::listen(server.clone(), Arc::clone(&self.database.changes)));
                tasks
            });
        }
        self.database.changes.subscribe()
    }

    async fn is_writable(&self) -> Result<(), StoreError> {
        if !self.database.writer.has_failed() {
            return self
                .read(|connection| connection.prepare_cached("SELECT 1")?.query_row(params![], |_| Ok(())))
                .await;
        }
        let tried = self.write(|connection| {
            connection
                .prepare_cached(
                    "INSERT INTO versions (household, name, version) VALUES (household(), 'tried', 1)
                     ON CONFLICT (household, name) DO UPDATE SET version = versions.version + 1",
                )?
                .execute(params![])
                .map(drop)
        });
        tried.await
    }

    async fn installation(&self) -> Result<String, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT value FROM facts WHERE name = 'installation'")?
                .query_row(params![], |row| row.get(0))
        })
        .await
    }

    async fn copy_to(&self, file: &Path) -> Result<(), StoreError> {
        let shown = file.display().to_string();
        let file = file.to_owned();
        let written = match &self.database.reader {
            Reader::File { path, .. } => {
                let path = path.clone();
                tokio::task::spawn_blocking(move || sqlite::copy(&path, &file)).await
            }
            Reader::Server(server) => {
                let server = server.clone();
                tokio::task::spawn_blocking(move || copy::to_new_file(&server, &file)).await
            }
        };
        match written {
            Ok(written) => written.map_err(|reason| StoreError::Copy { path: shown, reason }),
            Err(_) => Err(StoreError::Closed),
        }
    }

    async fn size(&self) -> Result<u64, StoreError> {
        match &self.database.reader {
            Reader::File { path, .. } => sqlite::size(path).map_err(|error| self.failed(&error)),
            Reader::Server(_) => {
                self.read(|connection| {
                    connection
                        .prepare_cached("SELECT pg_database_size(current_database())")?
                        .query_row(params![], |row| row.get(0))
                })
                .await
            }
        }
    }

    async fn kept(&self) -> Result<Kept, StoreError> {
        self.read(|connection| {
            let count = |table: &str| {
                connection
                    .prepare_cached(&format!("SELECT COUNT(*) FROM {table} WHERE household = household()"))?
                    .query_row(params![], |row| row.get(0))
            };
            // Ids grow by time.
            let oldest = connection
                .prepare_cached(
                    "SELECT received_at FROM inbox NOT INDEXED WHERE household = household() ORDER BY id LIMIT 1",
                )?
                .query_row(params![], |row| row.get(0).map(time))
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
