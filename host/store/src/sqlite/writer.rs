//! The one thread that writes. Whatever waits when a transaction begins goes into it, and all of it shares the one
//! fsync at its end: the busier, the cheaper.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::StoreError;

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
type Job = Box<dyn FnOnce(&Connection) -> Acknowledge + Send>;

/// The way to the thread.
pub struct Writer {
    /// Whether the last transaction failed.
    has_failed: Arc<AtomicBool>,
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
    path: String,
}

impl Writer {
    /// Starts the thread.
    pub fn start(connection: Connection, path: &Path) -> std::io::Result<Self> {
        let (jobs, queue) = sync_channel(MAX_QUEUED_JOBS);
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let path = path.display().to_string();
        let place = path.clone();
        let has_failed = Arc::new(AtomicBool::new(false));
        let failed = Arc::clone(&has_failed);
        let thread = std::thread::Builder::new().name("store".into()).spawn(move || {
            run(&connection, &queue, &place, Path::new(&log), &failed);
        })?;
        Ok(Self { has_failed, jobs: Some(jobs), thread: Some(thread), path })
    }

    /// Whether the last transaction failed.
    pub fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }

    /// Has some work done in a transaction. All of it is durable when this returns, or none of it is there.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.write_one(move |connection| in_savepoint(connection, work)).await
    }

    /// The same for work that is a single statement, which SQLite does or leaves undone as a whole.
    pub async fn write_one<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let path = self.path.clone();
        let job: Job = Box::new(move |connection| {
            let result =
                work(connection).map_err(|error| StoreError::Database { path, reason: error.to_string() });
            Box::new(move |committed| {
                // A caller that has gone away needs no answer.
                let _ = reply.send(committed.and(result));
            })
        });
        let jobs = self.jobs.as_ref().ok_or(StoreError::Closed)?;
        jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Disconnected(_) => StoreError::Closed,
        })?;
        // A job is dropped unanswered only where its transaction could not even begin.
        answer.await.unwrap_or_else(|_| {
            let reason = "no transaction could be begun; the log has the reason".to_owned();
            Err(StoreError::Database { path: self.path.clone(), reason })
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

fn run(connection: &Connection, queue: &Receiver<Job>, path: &str, log: &Path, has_failed: &AtomicBool) {
    loop {
        let first = match queue.recv_timeout(IDLE_DELAY) {
            Ok(first) => first,
            Err(RecvTimeoutError::Timeout) => {
                fold(connection, log);
                match queue.recv() {
                    Ok(first) => first,
                    Err(_) => return,
                }
            }
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let mut acknowledgements = Vec::new();
        let committed = connection.execute_batch("BEGIN IMMEDIATE").and_then(|()| {
            acknowledgements.push(first(connection));
            for job in queue.try_iter().take(MAX_BATCH - 1) {
                acknowledgements.push(job(connection));
            }
            connection.execute_batch("COMMIT")
        });
        let before = has_failed.swap(committed.is_err(), Ordering::Relaxed);
        if let Err(error) = &committed {
            if !before {
                tracing::error!(%error, "a transaction failed; nothing can be stored until one succeeds");
            }
            if !connection.is_autocommit()
                && let Err(error) = connection.execute_batch("ROLLBACK")
            {
                tracing::error!(%error, "a rollback failed");
            }
        }
        let result = committed
            .map_err(|error| StoreError::Database { path: path.to_owned(), reason: error.to_string() });
        for acknowledge in acknowledgements {
            acknowledge(result.clone());
        }
    }
}

/// Folds a write-ahead log that has grown into the database, while nobody waits.
fn fold(connection: &Connection, log: &Path) {
    let size = std::fs::metadata(log).map_or(0, |log| log.len());
    if size >= MIN_CHECKPOINT_BYTES
        && let Err(error) = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    {
        tracing::warn!(%error, "the write-ahead log could not be folded into the database");
    }
}

/// A job that fails must not take others of its transaction with it.
fn in_savepoint<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    connection.prepare_cached("SAVEPOINT job")?.execute([])?;
    let result = work(connection);
    if result.is_err() {
        connection.prepare_cached("ROLLBACK TO job")?.execute([])?;
    }
    connection.prepare_cached("RELEASE job")?.execute([])?;
    result
}
