//! Imports: which wait for a person or failed, and which have ended.

use jiff::{SignedDuration, Timestamp};
use playrelay_engine::notifications::{Condition, Notification, Urgency};
use playrelay_plugin_host::text;
use playrelay_store::{Job, JobState, StoreError};

use crate::app::App;
use crate::notify::conditions::{TEXT_BYTES, TITLE_BYTES, condition};
use crate::notify::state;

/// Jobs that are looked at: the newest.
const JOBS: u32 = 100;
/// A job that failed is said for this long; who has not looked at it by then does not want to.
const FAILED_FOR: SignedDuration = SignedDuration::from_hours(24);

/// Jobs that wait for a person's decision, and those that failed a while ago.
pub(super) async fn conditions(app: &App, now: Timestamp) -> Result<Vec<Condition>, StoreError> {
    let jobs = app.store.jobs(None, None, JOBS).await?;
    let found = jobs.iter().filter_map(|job| {
        let of = format!("{} for {}", job.work.about, job.work.person);
        let message = job.message.clone().unwrap_or_default();
        let texts = match job.state {
            JobState::Ready => [
                format!("The import of {of} waits for you"),
                message,
                format!("The import of {of} does not wait any more"),
            ],
            JobState::Failed if job.ended_at.is_some_and(|at| now.duration_since(at) < FAILED_FOR) => {
                [format!("The import of {of} failed"), message, format!("The import of {of} is dealt with")]
            }
            _ => return None,
        };
        let page = format!("/library/jobs/{}", job.id);
        Some(condition(format!("job:{}", job.id), Urgency::Normal, &page, texts))
    });
    Ok(found.collect())
}

/// Histories that were imported since they were last told of. Lists that are read in again and again are nobody's news.
pub(super) async fn ended(app: &App, now: Timestamp) -> Result<Vec<Notification>, StoreError> {
    let since = state::jobs_until(&app.store).await?;
    state::store_jobs_until(&app.store, now).await?;
    let Some(since) = since else { return Ok(Vec::new()) };
    let jobs = app.store.jobs(None, None, JOBS).await?;
    let is_new = |job: &&Job| {
        let ended = job.ended_at.is_some_and(|at| since < at && at <= now);
        ended && job.state == JobState::Done && job.work.kind == "history-import"
    };
    Ok(jobs.iter().filter(is_new).map(|job| notification(job, now)).collect())
}

fn notification(job: &Job, now: Timestamp) -> Notification {
    let title = format!("The import of {} for {} has ended", job.work.about, job.work.person);
    Notification {
        id: format!("job-ended:{}", job.id),
        condition: format!("job-ended:{}", job.id),
        title: text::cut(&title, TITLE_BYTES),
        text: text::cut(&job.message.clone().unwrap_or_default(), TEXT_BYTES),
        urgency: Urgency::Low,
        page: format!("/library/jobs/{}", job.id),
        resolved: false,
        at: now,
    }
}
