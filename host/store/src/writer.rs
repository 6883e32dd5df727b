//! The one thread that writes. Whatever waits when a transaction begins goes into it, and all of it shares the one
//! fsync at its end: the busier, the cheaper.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::postgres::PostgresServer;
use crate::sql::Connection;
use crate::{Household, StoreError, sql, sqlite};

/// Jobs that may wait. More, and the answer is "busy".
const MAX_QUEUED_JOBS: usize = 4_096;
/// Jobs in one transaction: bounds how long the first of them waits.
const MAX_BATCH: usize = 256;
/// Nobody is waiting when nothing has come for this long.
const IDLE_DELAY: Duration = Duration::from_millis(200);
/// Bytes of a write-ahead log that is folded into the database when there is time.
const MIN_CHECKPOINT_BYTES: u64 = 4 << 20;

/// Tells the caller of a job how the transaction ended.
type Acknowledge = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// Work of a transaction.
struct Job {
    household: Household,
    work: Box<dyn FnOnce(&Connection) -> Acknowledge + Send>,
}

/// Where the thread writes.
pub enum WriterConnection {
    /// Into a file.
    File {
        /// The connection.
        connection: Box<Connection>,
        /// The file.
        path: PathBuf,
    },
    /// To a server: the connection is another one where the last was lost.
    Server(PostgresServer),
}

/// The way to the thread.
pub struct Writer {
    /// Whether the last transaction failed.
    has_failed: Arc<AtomicBool>,
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
    place: String,
}

impl Writer {
    /// Starts the thread. Messages name the database by `place`.
    pub fn start(connection: WriterConnection, place: &str) -> std::io::Result<Self> {
        let (jobs, queue) = sync_channel(MAX_QUEUED_JOBS);
        let has_failed = Arc::new(AtomicBool::new(false));
        let (failed, shown) = (Arc::clone(&has_failed), place.to_owned());
        let thread = std::thread::Builder::new()
            .name("store".into())
            .spawn(move || run(&connection, &queue, &shown, &failed))?;
        Ok(Self { has_failed, jobs: Some(jobs), thread: Some(thread), place: place.to_owned() })
    }

    /// Whether the last transaction failed.
    pub fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }

    /// Has some work done in a transaction, which leaves nothing behind where it fails. It is durable when this returns.
    pub async fn write<T: Send + 'static>(
        &self,
        household: &Household,
        work: impl FnOnce(&Connection) -> sql::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let (path, name) = (self.place.clone(), household.clone());
        let work = Box::new(move |connection: &Connection| {
            let result = connection
                .within(&name, || work(connection))
                .map_err(|error| StoreError::Database { path, reason: error.to_string() });
            Box::new(move |committed: Result<(), StoreError>| {
                // A caller that has gone away needs no answer.
                let _ = reply.send(committed.and(result));
            }) as Acknowledge
        });
        let jobs = self.jobs.as_ref().ok_or(StoreError::Closed)?;
        jobs.try_send(Job { household: household.clone(), work }).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Disconnected(_) => StoreError::Closed,
        })?;
        // A job is dropped unanswered only where its transaction could not even begin.
        answer.await.unwrap_or_else(|_| {
            let reason = "no transaction could be begun; the log has the reason".to_owned();
            Err(StoreError::Database { path: self.place.clone(), reason })
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // What waits is still written.
            let _ = thread.join();
        }
    }
}

fn run(connection: &WriterConnection, queue: &Receiver<Job>, place: &str, has_failed: &AtomicBool) {
    loop {
        let first = match queue.recv_timeout(IDLE_DELAY) {
            Ok(first) => first,
            Err(RecvTimeoutError::Timeout) => {
                connection.fold();
                match queue.recv() {
                    Ok(first) => first,
                    Err(_) => return,
                }
            }
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let mut acknowledgements = Vec::new();
        let committed = connection.with(|connection| {
            let committed = transaction(connection, first, queue, &mut acknowledgements);
            if committed.is_err()
                && let Err(error) = connection.rollback()
            {
                tracing::error!(%error, "a rollback failed");
            }
            committed
        });
        let before = has_failed.swap(committed.is_err(), Ordering::Relaxed);
        if let Err(error) = &committed
            && !before
        {
            tracing::error!(%error, "a transaction failed; nothing can be stored until one succeeds");
        }
        let result = committed
            .map_err(|error| StoreError::Database { path: place.to_owned(), reason: error.to_string() });
        for acknowledge in acknowledgements {
            acknowledge(result.clone());
        }
    }
}

fn transaction(
    connection: &Connection,
    first: Job,
    queue: &Receiver<Job>,
    acknowledgements: &mut Vec<Acknowledge>,
) -> sql::Result<()> {
    connection.begin()?;
    match connection {
        Connection::Sqlite(_) => {
            // What comes meanwhile goes along.
            acknowledgements.push((first.work)(connection));
            for job in queue.try_iter().take(MAX_BATCH - 1) {
                acknowledgements.push((job.work)(connection));
            }
        }
        Connection::Postgres(_) => {
            let mut jobs = vec![first];
            jobs.extend(queue.try_iter().take(MAX_BATCH - 1));
            // Each household has a lock. In one order, two nodes never wait for each other.
            jobs.sort_by(|one, other| one.household.as_str().cmp(other.household.as_str()));
            for job in jobs {
                acknowledgements.push((job.work)(connection));
            }
        }
    }
    connection.commit()
}

impl WriterConnection {
    fn with(&self, work: impl FnOnce(&Connection) -> sql::Result<()>) -> sql::Result<()> {
        match self {
            Self::File { connection, .. } => work(connection),
            Self::Server(server) => work(&server.connect()?),
        }
    }

    /// Folds a write-ahead log that has grown into the database, while nobody waits.
    fn fold(&self) {
        let Self::File { connection, path } = self else { return };
        let Connection::Sqlite(connection) = &**connection else { return };
        let size = std::fs::metadata(sqlite::beside(path, "-wal")).map_or(0, |log| log.len());
        if size >= MIN_CHECKPOINT_BYTES
            && let Err(error) = connection.0.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        {
            tracing::warn!(%error, "the write-ahead log could not be folded into the database");
        }
    }
}
