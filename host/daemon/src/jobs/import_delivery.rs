//! Tells a tracker what an import has written. The events are late ones: where a tracker takes lists, they go in lists.

use playrelay_engine::event::{Action, TrackerEvent};
use playrelay_engine::library::import::{Entry, Record, WatchedTime};
use playrelay_engine::library::person::Person;
use playrelay_engine::play::PlayId;
use playrelay_store::{Job, JobProgress, JobRow, JobState, JobWrites, StoreError};
use playrelay_util::clock;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::jobs::imported::{self, play, rating};
use crate::jobs::queue::JobQueue;
use crate::jobs::step::{JobEnd, JobStop};
use crate::operations::people;

/// Rows whose events are stored at once, and stand in one story.
const BATCH: u32 = 100;
/// Percent of a title that was watched.
const WHOLE: f64 = 100.0;

/// Puts the events of an import into the outbox, from where it is.
pub(super) async fn run(app: &App, queue: &JobQueue, job: &Job, import: i64, tracker: &str) -> JobEnd {
    let found = people::find(&app.store, &app.config, &job.work.person).await;
    let person = found.map_err(|error| JobStop::Failed(error.to_string()))?.person;
    if !app.config.trackers.contains_key(tracker) {
        return Err(JobStop::Failed(format!("there is no [trackers.{tracker}] any more")));
    }
    let counts = app.store.count_job_rows(import).await?;
    let total = counts.get(imported::WRITTEN).copied();
    let mut at: Checkpoint =
        job.checkpoint.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let mut done = job.done;
    loop {
        let rows = app.store.job_rows(import, Some(imported::WRITTEN), at.after, BATCH).await?;
        let Some(last) = rows.last() else { break };
        at.after = Some(last.number);
        done += rows.len() as u64;
        let mut deliveries = Vec::new();
        for row in &rows {
            match event(&person, tracker, row) {
                // A play that was taken back, or whose place that of a server has taken, is not told.
                Told::Event(event) if is_gone(app, &event).await? => {}
                Told::Event(event) => deliveries.push(*event),
                Told::WithoutDay => at.without_day += 1,
                Told::Nothing => {}
            }
        }
        at.told += deliveries.len() as u64;
        let checkpoint = serde_json::to_string(&at).ok();
        let progress = JobProgress { checkpoint, done, total, rows: Vec::new() };
        let writes = JobWrites { deliveries, ..JobWrites::default() };
        if !app.store.write_job(job, writes, progress, clock::now()).await? {
            return Err(JobStop::Cancelled);
        }
        queue.changed(job.id).await;
    }
    let left_out = match at.without_day {
        0 => String::new(),
        some => format!("; {some} watches without a day are not told"),
    };
    Ok((JobState::Done, format!("{} events for {tracker} wait in the outbox{left_out}", at.told)))
}

/// Whether an event is of a play that is not there any more.
async fn is_gone(app: &App, event: &TrackerEvent) -> Result<bool, StoreError> {
    match event.action {
        Action::Watched(_) => Ok(app.store.play(&PlayId(event.subject.clone())).await?.is_none()),
        _ => Ok(false),
    }
}

/// Where the job goes on.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Checkpoint {
    /// The last row of the import that was looked at; absent before the first.
    after: Option<u32>,
    /// Events that were put into the outbox.
    told: u64,
    /// Watches that were left out, since nobody knows their day.
    without_day: u64,
}

/// What the tracker hears of a row.
enum Told {
    /// This.
    Event(Box<TrackerEvent>),
    /// Nothing: nobody knows when it was watched.
    WithoutDay,
    /// Nothing: it is no watch and no rating.
    Nothing,
}

fn event(person: &Person, tracker: &str, row: &JobRow) -> Told {
    let Ok(Record { item, entry }) = serde_json::from_str(&row.body) else { return Told::Nothing };
    let now = clock::now();
    let (action, subject, at, started_at) = match entry {
        Entry::Watch(WatchedTime::Unknown) => return Told::WithoutDay,
        Entry::Watch(time) => {
            let play = play(person, item.clone(), time.timestamp(&person.zone));
            (Action::Watched(WHOLE), play.id.0, time.timestamp(&person.zone), Some(play.started_at))
        }
        Entry::Rating { stars, at } => {
            let rating = rating(person, item.clone(), stars, at);
            let subject = rating.subject();
            (Action::Rated(rating.rated.rating.unwrap_or_default()), subject, at.unwrap_or(now), None)
        }
        Entry::Listed { .. } => return Told::Nothing,
    };
    Told::Event(Box::new(TrackerEvent {
        tracker: tracker.to_owned(),
        action,
        item,
        subject,
        at,
        started_at,
        not_before: now,
        remove_from: Vec::new(),
        remote_id: None,
    }))
}
