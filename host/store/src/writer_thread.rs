//! The one thread that writes. Whatever waits when a transaction begins goes into it, and all of it shares the one
//! fsync at its end: the busier, the cheaper.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::postgres::PostgresServer;
use crate::sql::{Connection, params};
use crate::writer_job::{Job, failed};
use crate::{postgres, sql, sqlite};

/// Jobs in one transaction: bounds how long the first of them waits.
const MAX_BATCH: usize = 256;
/// A transaction takes no further job after this long: those in it wait for its end.
const MAX_GATHER_TIME: Duration = Duration::from_millis(4);
/// A transaction that failed for a reason that passes is tried so often in all.
const MAX_ATTEMPTS: u32 = 4;
/// Between two attempts.
const RETRY_DELAY: Duration = Duration::from_millis(50);
/// Nobody is waiting when nothing has come for this long, and there is time to fold the log into the database.
const FOLD_DELAY: Duration = Duration::from_millis(200);
/// Bytes of a write-ahead log that is folded into the database when there is time.
const MIN_CHECKPOINT_BYTES: u64 = 4 << 20;
/// Between two looks at whether another process has written, while nothing comes.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Others may have written to a server after this long, whatever was heard of it.
const DOUBT_INTERVAL: Duration = Duration::from_secs(5);
/// The least time between two messages to the nodes of a server: each is a transaction for which all others wait.
const HINT_INTERVAL: Duration = Duration::from_millis(50);

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

/// The thread.
pub struct WriterThread {
    /// Where it writes.
    pub connection: WriterConnection,
    /// What it is to do.
    pub queue: Receiver<Box<dyn Job>>,
    /// The name of the database in messages.
    pub place: Arc<str>,
    /// Whether the last transaction failed.
    pub has_failed: Arc<AtomicBool>,
    /// What is known of the writes of other processes.
    pub foreign_writes: ForeignWrites,
    /// Whether other nodes are to be told that something was written.
    pub is_hint_due: bool,
    /// Whether this process owns the household: its own tasks are told otherwise, and nobody else waits for what it writes.
    pub is_owner: Arc<AtomicBool>,
}

impl WriterThread {
    /// Works until nobody can give it a job any more.
    pub fn run(mut self) {
        let mut wait = FOLD_DELAY;
        let mut hinted_at = Instant::now();
        loop {
            if self.is_hint_due && hinted_at.elapsed() >= HINT_INTERVAL {
                self.hint();
                hinted_at = Instant::now();
            }
            match self.queue.recv_timeout(if self.is_hint_due { HINT_INTERVAL } else { wait }) {
                Ok(first) => {
                    self.write(first);
                    wait = FOLD_DELAY;
                }
                Err(RecvTimeoutError::Timeout) if self.is_hint_due => {}
                Err(RecvTimeoutError::Timeout) => {
                    if wait == FOLD_DELAY {
                        self.connection.fold();
                        wait = LOOK_INTERVAL;
                    }
                    self.look_for_foreign_writes();
                }
                Err(RecvTimeoutError::Disconnected) => {
                    if self.is_hint_due {
                        self.hint();
                    }
                    return;
                }
            }
        }
    }

    /// Has a job done, with those that come meanwhile, and answers them.
    fn write(&mut self, first: Box<dyn Job>) {
        let mut jobs = vec![first];
        let committed = self.write_together(&mut jobs);
        let before = self.has_failed.swap(committed.is_err(), Ordering::Relaxed);
        if let Err(error) = &committed
            && !before
        {
            tracing::error!(%error, "a transaction failed; nothing can be stored until one succeeds");
        }
        let result = committed.map_err(|error| failed(&self.place, &error));
        if result.is_ok() {
            jobs.iter().for_each(|job| job.committed());
            self.is_hint_due |= !self.is_owner.load(Ordering::Relaxed)
                && matches!(self.connection, WriterConnection::Server(_))
                && jobs.iter().any(|job| !job.is_of_owner());
        }
        for job in jobs {
            job.acknowledge(result.clone());
        }
        if matches!(self.connection, WriterConnection::Server(_)) {
            self.foreign_writes.look_at_clock();
        }
    }

    /// Tells other nodes that something was written. They look by the clock as well.
    fn hint(&mut self) {
        self.is_hint_due = false;
        let WriterConnection::Server(server) = &self.connection else { return };
        let hinted = server
            .connect()
            .and_then(|connection| connection.execute_batch(&format!("NOTIFY {}", postgres::CHANNEL)));
        if let Err(error) = hinted {
            tracing::debug!("other nodes were not told: {error}");
        }
    }

    fn look_for_foreign_writes(&mut self) {
        match &self.connection {
            WriterConnection::File { connection, .. } => self.foreign_writes.look(connection),
            WriterConnection::Server(_) => self.foreign_writes.look_at_clock(),
        }
    }

    /// Has jobs done in one transaction, with those that come meanwhile. A job that fails is answered and left out, and the others are done again: a
    /// savepoint for each would cost all of them for the one that fails. What is transient is tried again.
    fn write_together(&mut self, jobs: &mut Vec<Box<dyn Job>>) -> sql::Result<()> {
        let mut attempts = 0;
        while !jobs.is_empty() {
            attempts += 1;
            let may_retry = |is_transient: bool| is_transient && attempts < MAX_ATTEMPTS;
            match self.transaction(jobs) {
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
    fn transaction(&mut self, jobs: &mut Vec<Box<dyn Job>>) -> sql::Result<Option<usize>> {
        let Self { connection, queue, foreign_writes, .. } = self;
        match connection {
            WriterConnection::File { connection, .. } => {
                let written = write_to_file(connection, jobs, queue, foreign_writes);
                take_back_unless_committed(connection, written)
            }
            WriterConnection::Server(server) => {
                let connection = server.connect()?;
                let written = write_to_server(&connection, jobs, queue);
                take_back_unless_committed(&connection, written)
            }
        }
    }
}

fn take_back_unless_committed(
    connection: &Connection,
    written: sql::Result<Option<usize>>,
) -> sql::Result<Option<usize>> {
    if !matches!(written, Ok(None))
        && let Err(error) = connection.rollback()
    {
        tracing::error!(%error, "a rollback failed");
    }
    written
}

fn write_to_file(
    connection: &Connection,
    jobs: &mut Vec<Box<dyn Job>>,
    queue: &Receiver<Box<dyn Job>>,
    foreign_writes: &mut ForeignWrites,
) -> sql::Result<Option<usize>> {
    connection.begin()?;
    // Nobody else can write until the commit, so whatever others have written is seen here.
    foreign_writes.look(connection);
    let end = Instant::now() + MAX_GATHER_TIME;
    let mut done = 0;
    loop {
        while let Some(job) = jobs.get_mut(done) {
            if !job.attempt(connection) {
                return Ok(Some(done));
            }
            done += 1;
        }
        // What comes meanwhile goes along.
        let may_grow = done < MAX_BATCH && Instant::now() < end;
        match may_grow.then(|| queue.try_recv().ok()).flatten() {
            Some(job) => jobs.push(job),
            None => return connection.commit().map(|()| None),
        }
    }
}

fn write_to_server(
    connection: &Connection,
    jobs: &mut Vec<Box<dyn Job>>,
    queue: &Receiver<Box<dyn Job>>,
) -> sql::Result<Option<usize>> {
    connection.begin()?;
    jobs.extend(queue.try_iter().take(MAX_BATCH.saturating_sub(jobs.len())));
    // Each household has a lock. In one order, two nodes never wait for each other.
    jobs.sort_by(|one, other| one.household().as_str().cmp(other.household().as_str()));
    match jobs.iter_mut().position(|job| !job.attempt(connection)) {
        Some(failed) => Ok(Some(failed)),
        None => connection.commit().map(|()| None),
    }
}

impl WriterConnection {
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

/// What is known of the writes of other processes.
pub struct ForeignWrites {
    /// The version of the file as SQLite counts it for a connection: it changes with the writes of others, and not with our own.
    version: Option<i64>,
    /// When somebody was told last.
    told_at: Instant,
    tell: Box<dyn Fn() + Send>,
}

impl ForeignWrites {
    /// Nothing is known yet. `tell` is called once another process has written, or may have.
    pub fn new(tell: Box<dyn Fn() + Send>) -> Self {
        Self { version: None, told_at: Instant::now(), tell }
    }

    /// Looks whether another process has written into the file.
    fn look(&mut self, connection: &Connection) {
        let version = connection
            .prepare_cached("PRAGMA data_version")
            .and_then(|mut look| look.query_row(params![], |row| row.get(0)));
        match version {
            Ok(version) => {
                if self.version.replace(version).is_some_and(|before| before != version) {
                    tracing::debug!("another process has written");
                    (self.tell)();
                }
            }
            Err(error) => {
                tracing::warn!(%error, "whether another process has written cannot be seen");
                (self.tell)();
            }
        }
    }

    /// Takes it that others have written after a while.
    fn look_at_clock(&mut self) {
        if self.told_at.elapsed() >= DOUBT_INTERVAL {
            self.told_at = Instant::now();
            (self.tell)();
        }
    }
}
