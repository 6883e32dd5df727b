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
/// A transaction that failed for a reason that passes is tried so often in all.
const MAX_ATTEMPTS: u32 = 4;
/// Between two attempts.
const RETRY_DELAY: Duration = Duration::from_millis(50);
/// Nobody is waiting when nothing has come for this long.
const IDLE_DELAY: Duration = Duration::from_millis(200);
/// Bytes of a write-ahead log that is folded into the database when there is time.
const MIN_CHECKPOINT_BYTES: u64 = 4 << 20;

/// Work of a transaction. It may be done several times: what a failed attempt did is taken back.
trait Job: Send {
    /// Whose data it is about.
    fn household(&self) -> &Household;

    /// Does the work, and keeps what it gives. Whether it succeeded.
    fn attempt(&mut self, connection: &Connection) -> bool;

    /// Whether the last attempt may succeed where it is made again.
    fn is_transient(&self) -> bool;

    /// Tells the caller how the transaction ended.
    fn acknowledge(self: Box<Self>, committed: Result<(), StoreError>);
}

/// A job, with its answer.
struct Task<T, W> {
    household: Household,
    work: W,
    result: Option<sql::Result<T>>,
    place: Arc<str>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T: Send, W: Fn(&Connection) -> sql::Result<T> + Send> Job for Task<T, W> {
    fn household(&self) -> &Household {
        &self.household
    }

    fn attempt(&mut self, connection: &Connection) -> bool {
        let result = connection.within(&self.household, || (self.work)(connection));
        self.result.insert(result).is_ok()
    }

    fn is_transient(&self) -> bool {
        matches!(&self.result, Some(Err(error)) if error.is_transient())
    }

    fn acknowledge(self: Box<Self>, committed: Result<(), StoreError>) {
        let result = match self.result {
            Some(result) => result.map_err(|error| failed(&self.place, &error)),
            None => Err(StoreError::Closed),
        };
        // A caller that has gone away needs no answer. What failed itself says so, whatever became of the others.
        let _ = self.reply.send(result.and_then(|value| committed.map(|()| value)));
    }
}

fn failed(place: &str, error: &sql::Error) -> StoreError {
    StoreError::Database { path: place.to_owned(), reason: error.to_string() }
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
    jobs: Option<SyncSender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
    place: Arc<str>,
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
        Ok(Self { has_failed, jobs: Some(jobs), thread: Some(thread), place: place.into() })
    }

    /// Whether the last transaction failed.
    pub fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }

    /// Has some work done in a transaction, which leaves nothing behind where it fails. It is durable when this returns. The work may be
    /// done again, where another one that shares its transaction failed.
    pub async fn write<T: Send + 'static>(
        &self,
        household: &Household,
        work: impl Fn(&Connection) -> sql::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let (household, place) = (household.clone(), Arc::clone(&self.place));
        let job = Box::new(Task { household, work, result: None, place, reply });
        let jobs = self.jobs.as_ref().ok_or(StoreError::Closed)?;
        jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Disconnected(_) => StoreError::Closed,
        })?;
        // The thread answers each job, and ends only with the program.
        answer.await.unwrap_or(Err(StoreError::Closed))
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

fn run(connection: &WriterConnection, queue: &Receiver<Box<dyn Job>>, place: &str, has_failed: &AtomicBool) {
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
        let mut jobs = vec![first];
        let committed = write_together(connection, &mut jobs, queue);
        let before = has_failed.swap(committed.is_err(), Ordering::Relaxed);
        if let Err(error) = &committed
            && !before
        {
            tracing::error!(%error, "a transaction failed; nothing can be stored until one succeeds");
        }
        let result = committed.map_err(|error| failed(place, &error));
        for job in jobs {
            job.acknowledge(result.clone());
        }
    }
}

/// Has jobs done in one transaction, with those that come meanwhile. A job that fails is answered and left out, and the others are done again: a
/// savepoint for each would cost all of them for the one that fails. What is transient is tried again.
fn write_together(
    connection: &WriterConnection,
    jobs: &mut Vec<Box<dyn Job>>,
    queue: &Receiver<Box<dyn Job>>,
) -> sql::Result<()> {
    let mut attempts = 0;
    while !jobs.is_empty() {
        attempts += 1;
        let may_retry = |is_transient: bool| is_transient && attempts < MAX_ATTEMPTS;
        match connection.with(|connection| transaction(connection, jobs, queue)) {
            Ok(None) => return Ok(()),
            Ok(Some(place)) if may_retry(jobs[place].is_transient()) => std::thread::sleep(RETRY_DELAY),
            // It has failed by itself, whatever becomes of the others.
            Ok(Some(place)) => jobs.remove(place).acknowledge(Ok(())),
            Err(error) if may_retry(error.is_transient()) => std::thread::sleep(RETRY_DELAY),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// One transaction. Gives the place of the job that failed, where one did; nothing is written then.
fn transaction(
    connection: &Connection,
    jobs: &mut Vec<Box<dyn Job>>,
    queue: &Receiver<Box<dyn Job>>,
) -> sql::Result<Option<usize>> {
    let written = attempt_all(connection, jobs, queue);
    if !matches!(written, Ok(None))
        && let Err(error) = connection.rollback()
    {
        tracing::error!(%error, "a rollback failed");
    }
    written
}

fn attempt_all(
    connection: &Connection,
    jobs: &mut Vec<Box<dyn Job>>,
    queue: &Receiver<Box<dyn Job>>,
) -> sql::Result<Option<usize>> {
    connection.begin()?;
    if matches!(connection, Connection::Postgres(_)) {
        jobs.extend(queue.try_iter().take(MAX_BATCH.saturating_sub(jobs.len())));
        // Each household has a lock. In one order, two nodes never wait for each other.
        jobs.sort_by(|one, other| one.household().as_str().cmp(other.household().as_str()));
    }
    let mut done = 0;
    loop {
        while let Some(job) = jobs.get_mut(done) {
            if !job.attempt(connection) {
                return Ok(Some(done));
            }
            done += 1;
        }
        // In a file there is one lock for all, and what comes meanwhile goes along.
        let next = match connection {
            Connection::Sqlite(_) if done < MAX_BATCH => queue.try_recv().ok(),
            Connection::Sqlite(_) | Connection::Postgres(_) => None,
        };
        match next {
            Some(job) => jobs.push(job),
            None => return connection.commit().map(|()| None),
        }
    }
}

impl WriterConnection {
    fn with<T>(&self, work: impl FnOnce(&Connection) -> sql::Result<T>) -> sql::Result<T> {
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
