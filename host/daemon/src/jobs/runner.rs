//! Begins the jobs that are due, a few at a time, and has those wait that failed for a while.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use playrelay_store::{Job, JobState, SharedStore, StoreError};
use playrelay_util::{backoff, clock};
use tokio::sync::Semaphore;

use crate::app::{App, CurrentApp};
use crate::jobs::queue::JobQueue;
use crate::jobs::spec::JobSpec;
use crate::jobs::step::{JobEnd, JobStop};
use crate::jobs::{
    anime_refresh, catch_up, export, history_import, import_delivery, metadata_refresh, schedule,
    watchlist_import,
};
use crate::live::LiveBus;
use crate::operations::imports;

/// Jobs that run at once.
const MAX_RUNNING: usize = 2;
/// Between two looks at what is due: a command beside the daemon may have asked for a job.
const POLL: Duration = Duration::from_secs(1);
/// Attempts in a row without any progress.
const MAX_ATTEMPTS: u32 = 8;
/// The pause after a first failure.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// The longest pause after a failure.
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);
/// The pause where a service says that its requests are used up, and not until when.
const UNTOLD_QUOTA: SignedDuration = SignedDuration::from_hours(1);
/// How long rows of a job that ended are kept.
const KEEP_ROWS: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How long a job waits for a person's decision.
const KEEP_READY: SignedDuration = SignedDuration::from_hours(24);
/// Between two looks at what is old.
const PRUNE_INTERVAL: SignedDuration = SignedDuration::from_hours(1);

/// Runs jobs for as long as the daemon does.
pub(crate) async fn run(app: CurrentApp, queue: JobQueue) {
    let running = Arc::new(Semaphore::new(MAX_RUNNING));
    let mut pruned = Timestamp::MIN;
    let started = clock::now();
    match queue.store.resume_jobs().await {
        Ok(0) => {}
        Ok(count) => tracing::info!(count, "jobs go on that were running when the daemon ended"),
        Err(error) => tracing::error!("jobs that were running cannot be resumed: {error}"),
    }
    loop {
        let now = clock::now();
        if now.duration_since(pruned) > PRUNE_INTERVAL {
            pruned = now;
            prune(&queue.store, now).await;
            imports::remove_old(&app.get().config.server.data_dir);
            export::remove_old(&app.get().config.server.data_dir);
        }
        schedule::add_due(&app.get(), &queue, started, now).await;
        while let Ok(place) = Arc::clone(&running).try_acquire_owned() {
            let Some(job) = next(&queue.store, clock::now()).await else { break };
            let (app, queue) = (app.get(), queue.clone());
            tokio::spawn(async move {
                queue.publish(&job);
                let id = job.id;
                work(&app, &queue, job).await;
                drop(place);
                queue.changed(id).await;
            });
        }
        // Whoever waits for a place is begun by the next look.
        let _ = tokio::time::timeout(POLL, queue.added.notified()).await;
    }
}

/// Begins the next job. The look before it only reads: to write once a second would keep a disk awake.
async fn next(store: &SharedStore, now: Timestamp) -> Option<Job> {
    let begun = async {
        match store.next_job_at().await?.is_some_and(|at| at <= now) {
            true => store.start_next_job(now).await,
            false => Ok(None),
        }
    };
    begun.await.unwrap_or_else(|error: StoreError| {
        tracing::warn!("the next job cannot be begun: {error}");
        None
    })
}

async fn prune(store: &SharedStore, now: Timestamp) {
    let before = |age| now.saturating_sub(age).unwrap_or(Timestamp::MIN);
    if let Err(error) = store.prune_jobs(before(KEEP_ROWS), before(KEEP_READY)).await {
        tracing::warn!("old jobs cannot be forgotten: {error}");
    }
}

/// Works on a job until it ends or has to wait, and stores which.
pub(super) async fn work(app: &App, queue: &JobQueue, job: Job) {
    let ended = match JobSpec::read(&job.work.spec) {
        None => Err(JobStop::Failed("another version of Playrelay wrote it".to_owned())),
        Some(_) if job.attempts > MAX_ATTEMPTS => {
            let last = job.message.clone().unwrap_or_else(|| "the program ended each time".to_owned());
            Err(JobStop::Failed(format!("given up after {MAX_ATTEMPTS} attempts: {last}")))
        }
        Some(JobSpec::WatchlistImport { account }) => watchlist_import::run(app, queue, &job, &account).await,
        Some(JobSpec::AnimeRefresh { file }) => anime_refresh::run(app, &file).await,
        Some(JobSpec::CatchUp { source, days }) => catch_up::run(app, queue, &job, &source, days).await,
        Some(JobSpec::Export { format }) => export::run(app, &job, &format).await,
        Some(JobSpec::MetadataRefresh) => metadata_refresh::run(app, queue, &job).await,
        Some(JobSpec::HistoryImport { format, file, tell, .. }) => {
            history_import::run(app, queue, &job, (format, &file), &tell).await
        }
        Some(JobSpec::ImportDelivery { import, tracker, .. }) => {
            import_delivery::run(app, queue, &job, import, &tracker).await
        }
    };
    let stored = store_end(&app.store, &job, ended).await;
    if let Err(error) = stored {
        // It is resumed when the daemon starts again.
        tracing::error!(job = job.id, "how a job ended cannot be stored: {error}");
    }
}

async fn store_end(store: &SharedStore, job: &Job, ended: JobEnd) -> Result<(), StoreError> {
    let now = clock::now();
    match ended {
        Ok((state, message)) => {
            tracing::info!(
                job = job.id,
                kind = job.work.kind,
                person = job.work.person,
                "{}: {message}",
                state.as_str()
            );
            store.end_job(job.id, state, &message, now).await
        }
        Err(JobStop::Cancelled) => {
            store.end_job(job.id, JobState::Cancelled, "cancelled; what it had written stays", now).await
        }
        Err(JobStop::Failed(reason)) => {
            tracing::warn!(
                job = job.id,
                kind = job.work.kind,
                person = job.work.person,
                "a job failed: {reason}"
            );
            store.end_job(job.id, JobState::Failed, &reason, now).await
        }
        Err(JobStop::Later { reason, after }) => {
            let pause = backoff::pause(job.attempts, FIRST_PAUSE, LONGEST_PAUSE, backoff::random());
            let pause = pause.max(after.unwrap_or_default());
            let until = now.checked_add(pause).unwrap_or(now);
            store.postpone_job(job.id, until, &reason, true).await
        }
        Err(JobStop::Until { reason, at }) => {
            let until = at.or_else(|| now.checked_add(UNTOLD_QUOTA).ok()).unwrap_or(now).max(now);
            store.postpone_job(job.id, until, &reason, false).await
        }
    }
}

/// Works on one job beside no daemon, until it ends or waits for a person. `show` is told after each attempt.
///
/// # Errors
///
/// Fails where the database does.
pub async fn run_alone(app: &App, id: i64) -> Result<(), StoreError> {
    let queue = JobQueue::new(Arc::clone(&app.store), LiveBus::default());
    loop {
        let Some(job) = app.store.job(id).await? else { return Ok(()) };
        if !job.state.is_active() {
            return Ok(());
        }
        let wait = Duration::try_from(job.next_at.duration_since(clock::now())).unwrap_or_default();
        tokio::time::sleep(wait).await;
        match app.store.start_job(id, clock::now()).await? {
            Some(job) => work(app, &queue, job).await,
            None => return Ok(()),
        }
    }
}
