//! Asks for the jobs of a schedule.

use jiff::{SignedDuration, Timestamp};
use playrelay_store::StoreError;

use crate::app::App;
use crate::config::PersonConfig;
use crate::jobs::metadata_refresh;
use crate::jobs::queue::JobQueue;
use crate::jobs::spec::{HOUSEHOLD, JobSpec};

/// Between two looks at whether the catalogue can tell more of titles.
const METADATA_INTERVAL: SignedDuration = SignedDuration::from_hours(1);

/// Asks for the jobs that are due; `started` is when the daemon began. One that cannot be asked for now is asked for at the next look.
pub(super) async fn add_due(app: &App, queue: &JobQueue, started: Timestamp, now: Timestamp) {
    if let Err(error) = add_metadata_refresh(app, queue, started, now).await {
        tracing::debug!("the schedule of the catalogue cannot be looked at: {error}");
    }
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
    let name = &person.person.name;
    if let Some(schedule) = &person.export_schedule {
        let spec = JobSpec::Export { format: person.export_format.as_str().to_owned() };
        let last = app.store.last_job_at(spec.kind(), name, spec.about()).await?;
        if last.is_none_or(|last| schedule.next_after(last).is_some_and(|due| due <= now)) {
            queue.add(name, &spec).await?;
        }
    }
    let Some(schedule) = &person.watchlist_schedule else { return Ok(()) };
    for account in &person.watchlist_from {
        let spec = JobSpec::WatchlistImport { account: account.clone() };
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

/// At most once an hour, and only where there are titles to ask for.
async fn add_metadata_refresh(
    app: &App,
    queue: &JobQueue,
    started: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    let spec = JobSpec::MetadataRefresh;
    if app.catalogue().is_none() || now.duration_since(started) < METADATA_INTERVAL {
        return Ok(());
    }
    let last = app.store.last_job_at(spec.kind(), HOUSEHOLD, spec.about()).await?;
    if last.is_some_and(|last| now.duration_since(last) < METADATA_INTERVAL) {
        return Ok(());
    }
    let before = now.saturating_sub(metadata_refresh::TTL).unwrap_or(Timestamp::MIN);
    if !app.store.titles_to_refresh(before, 1).await?.is_empty() {
        queue.add(HOUSEHOLD, &spec).await?;
    }
    Ok(())
}
