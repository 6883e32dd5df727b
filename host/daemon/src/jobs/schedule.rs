//! Asks for the jobs of a schedule.

use jiff::Timestamp;
use playrelay_store::StoreError;

use crate::app::App;
use crate::config::PersonConfig;
use crate::jobs::queue::JobQueue;
use crate::jobs::spec::{HOUSEHOLD, JobSpec};

/// Asks for the imports that are due. One that cannot be asked for now is asked for at the next look.
pub(super) async fn add_due(app: &App, queue: &JobQueue, now: Timestamp) {
    if let Err(error) = add_refresh(app, queue, now).await {
        tracing::debug!("the schedule of the mapping file cannot be looked at: {error}");
    }
    for person in app.config.people.values() {
        if let Err(error) = add_due_of(app, person, queue, now).await {
            tracing::debug!("the schedule of {} cannot be looked at: {error}", person.person.name);
        }
    }
}

async fn add_due_of(
    app: &App,
    person: &PersonConfig,
    queue: &JobQueue,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(schedule) = &person.watchlist_schedule else { return Ok(()) };
    for account in &person.watchlist_from {
        let spec = JobSpec::WatchlistImport { account: account.clone() };
        let name = &person.person.name;
        // The first one runs at once: whoever has written a schedule wants a list.
        let last = app.store.last_job_at(spec.kind(), name, account).await?;
        if last.is_none_or(|last| schedule.next_after(last).is_some_and(|due| due <= now)) {
            queue.add(name, &spec).await?;
        }
    }
    Ok(())
}

async fn add_refresh(app: &App, queue: &JobQueue, now: Timestamp) -> Result<(), StoreError> {
    let Some(file) = &app.config.mappings.anime else { return Ok(()) };
    let spec = JobSpec::AnimeRefresh { file: file.to_string() };
    let last = app.store.last_job_at(spec.kind(), HOUSEHOLD, spec.about()).await?;
    if last.is_none_or(|last| app.config.mappings.refresh.next_after(last).is_some_and(|due| due <= now)) {
        queue.add(HOUSEHOLD, &spec).await?;
    }
    Ok(())
}
