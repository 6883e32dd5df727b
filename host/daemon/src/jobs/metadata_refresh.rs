//! Asks the catalogue for what it knows of the titles of the library: ids that are missing, and genres.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use playrelay_engine::model::Item;
use playrelay_store::{Job, JobProgress, JobState};
use playrelay_util::clock;

use crate::app::App;
use crate::jobs::queue::JobQueue;
use crate::jobs::step::{JobEnd, JobStop};
use crate::metadata::resolver::{GENRE, MetadataResolver};

/// How long what a catalogue said is kept: six months are the most that catalogues allow.
pub(super) const TTL: SignedDuration = SignedDuration::from_hours(180 * 24);
/// Titles that are read at a time.
const BATCH: u32 = 50;
/// Genres of a title, and the letters of one.
const MAX_GENRES: usize = 20;
const MAX_GENRE_LETTERS: usize = 60;
/// Between two questions: catalogues count requests.
const PAUSE: Duration = Duration::from_millis(100);

/// Asks for each title that was not asked for lately.
pub(super) async fn run(app: &App, queue: &JobQueue, job: &Job) -> JobEnd {
    let Some(catalogue) = app.catalogue() else {
        return Err(JobStop::Failed("no catalogue is configured; add one to [catalogues]".to_owned()));
    };
    let (mut done, mut known) = (job.done, 0);
    loop {
        let now = clock::now();
        let before = now.saturating_sub(TTL).unwrap_or(Timestamp::MIN);
        let titles = app.store.titles_to_refresh(before, BATCH).await?;
        if titles.is_empty() {
            return Ok((JobState::Done, format!("{done} titles asked for, {known} with genres")));
        }
        for title in titles {
            let found = describe(&catalogue, &title.item).await?;
            let genres = found.as_ref().map(genres).unwrap_or_default();
            known += u64::from(!genres.is_empty());
            app.store.refresh_title(title.id, found, genres, now).await?;
            done += 1;
            tokio::time::sleep(PAUSE).await;
        }
        let progress = JobProgress { checkpoint: None, done, total: None, rows: Vec::new() };
        if !app.store.save_progress(job.id, progress).await? {
            return Err(JobStop::Cancelled);
        }
        queue.changed(job.id).await;
    }
}

/// A title as the catalogue knows it. A first answer may have only its ids: by these it is asked for again.
async fn describe(catalogue: &MetadataResolver, title: &Item) -> Result<Option<Item>, JobStop> {
    let Some(found) = catalogue.describe(title).await? else { return Ok(None) };
    match genres(&found).is_empty() {
        true => Ok(catalogue.describe(&found).await?.or(Some(found))),
        false => Ok(Some(found)),
    }
}

fn genres(item: &Item) -> Vec<String> {
    let named = item.ext.iter().filter(|(name, _)| name == GENRE).map(|(_, value)| value.trim());
    let named = named.filter(|genre| !genre.is_empty() && genre.chars().count() <= MAX_GENRE_LETTERS);
    named.take(MAX_GENRES).map(str::to_owned).collect()
}
