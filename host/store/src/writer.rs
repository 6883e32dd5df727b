//! The way to the one thread that writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::sql::{Connection, Fence};
use crate::writer_job::{Job, Task};
use crate::writer_thread::{ForeignWrites, WriterConnection, WriterThread};
use crate::{Household, StoreError, sql};

/// Jobs that may wait. More, and the answer is "busy".
const MAX_QUEUED_JOBS: usize = 4_096;

/// The way to the thread.
pub struct Writer {
    /// Whether the last transaction failed.
    has_failed: Arc<AtomicBool>,
    jobs: Option<SyncSender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
    place: Arc<str>,
}

impl Writer {
    /// Starts the thread. Messages name the database by `place`. `is_owner` says whether this process owns what it writes
    /// about. `on_foreign_write` is called once another process has, or may have, written; before
    /// anything that this process writes after it is acknowledged.
    pub fn start(
        connection: WriterConnection,
        place: &str,
        is_owner: Arc<AtomicBool>,
        on_foreign_write: impl Fn() + Send + 'static,
    ) -> std::io::Result<Self> {
        let (jobs, queue) = sync_channel(MAX_QUEUED_JOBS);
        let (has_failed, place) = (Arc::<AtomicBool>::default(), Arc::<str>::from(place));
        let work = WriterThread {
            connection,
            queue,
            place: Arc::clone(&place),
            has_failed: Arc::clone(&has_failed),
            foreign_writes: ForeignWrites::new(Box::new(on_foreign_write)),
            is_hint_due: false,
            is_owner,
        };
        let thread = std::thread::Builder::new().name("store".into()).spawn(move || work.run())?;
        Ok(Self { has_failed, jobs: Some(jobs), thread: Some(thread), place })
    }

    /// Whether the last transaction failed.
    pub fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }

    /// Has some work done in a transaction, under a lease where there is a fence, which leaves nothing behind where it fails. It is durable when this returns. The work may be
    /// done again, where another one that shares its transaction failed. `on_commit` is called with what it gave in the order of the commits.
    pub async fn write<T: Send + 'static>(
        &self,
        household: &Household,
        fence: Option<Fence>,
        work: impl Fn(&Connection) -> sql::Result<T> + Send + 'static,
        on_commit: impl Fn(&T) + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let (household, place) = (household.clone(), Arc::clone(&self.place));
        let job = Box::new(Task { household, fence, work, on_commit, result: None, place, reply });
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
