//! Reads the watchlist of an account into a person's own: what is missing there comes in front, in the order that it has at the account. What is
//! there stays, and nothing is told to any service.

use std::sync::Arc;

use jiff::Timestamp;
use playrelay_engine::library::import::{Entry, ImportJudge, KnownHistory, Record, RowState, title_in_words};
use playrelay_engine::library::title::{TitleMatch, match_title};
use playrelay_engine::model::Item;
use playrelay_plugin_host::call_error;
use playrelay_plugin_host::capabilities::ReadWatchlist;
use playrelay_plugin_host::plugin::{CallTarget, Plugin};
use playrelay_store::{Job, JobProgress, JobRow, JobState, JobWrites, ListedEntry};
use playrelay_util::clock;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::jobs::queue::JobQueue;
use crate::jobs::step::{JobEnd, JobStop};

/// Titles of a list that are read.
const MAX_TITLES: u32 = 50_000;
/// Rows that are judged at once.
const PAGE_ROWS: u32 = 1_000;
/// The state of a row that was read and not judged yet.
const READ: &str = "read";

/// Where an import goes on.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Checkpoint {
    /// Where the next page begins; absent for the first.
    cursor: Option<String>,
    /// Titles that were read.
    read: u32,
    /// Whether the list was read to its end.
    is_read: bool,
    /// How it ended, once all is written: a program that is killed then says the same again.
    #[serde(default)]
    message: Option<String>,
}

/// A title as it was read.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct ReadTitle {
    item: Item,
    since: Option<Timestamp>,
}

/// Works on an import from where it is.
pub(super) async fn run(app: &App, queue: &JobQueue, job: &Job, account: &str) -> JobEnd {
    let (plugin, target) = reader(app, account)?;
    let mut at: Checkpoint =
        job.checkpoint.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    while !at.is_read {
        read_page(app, job, &plugin, &target, &mut at).await?;
        queue.changed(job.id).await;
    }
    match at.message {
        Some(message) => Ok((JobState::Done, message)),
        None => write(app, job, at).await,
    }
}

/// The plugin of an account whose list can be read.
fn reader(app: &App, account: &str) -> Result<(Arc<Plugin>, CallTarget), JobStop> {
    let known = app.config.account(account).is_some();
    let Some((plugin, target)) = app.plugin(account) else {
        return Err(match known {
            // Its plugin may be compiled just now, or its login may come.
            true => JobStop::Later { reason: format!("the account {account:?} is not ready"), after: None },
            false => JobStop::Failed(format!("there is no account {account:?} any more")),
        });
    };
    if plugin.manifest.provides.watchlist.is_none() {
        let name = &plugin.manifest.plugin.name;
        return Err(JobStop::Failed(format!("{name} keeps no watchlist; choose another account")));
    }
    Ok((plugin, target))
}

async fn read_page(
    app: &App,
    job: &Job,
    plugin: &Arc<Plugin>,
    target: &CallTarget,
    at: &mut Checkpoint,
) -> Result<(), JobStop> {
    let page = call_error::value(plugin.call::<ReadWatchlist>(target, at.cursor.clone()).await.0)?;
    let mut rows = Vec::new();
    for (item, added_at) in page.entries {
        let title = ReadTitle { since: added_at.as_deref().and_then(read_time), item };
        rows.push(JobRow {
            number: at.read,
            state: READ.to_owned(),
            what: title.item.to_string(),
            reason: String::new(),
            body: serde_json::to_string(&title).map_err(|error| JobStop::Failed(error.to_string()))?,
        });
        at.read += 1;
    }
    if at.read > MAX_TITLES {
        return Err(JobStop::Failed(format!("the list has more than {MAX_TITLES} titles")));
    }
    // A page that leads to itself would never end.
    at.is_read = page.cursor.is_none() || page.cursor == at.cursor;
    at.cursor = page.cursor;
    let progress = JobProgress { checkpoint: text(at), done: at.read.into(), total: None, rows };
    go_on(app.store.save_progress(job.id, progress).await?)
}

/// A time as services write it: RFC 3339, or seconds since 1970.
fn read_time(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| Timestamp::from_second(text.parse().ok()?).ok())
}

fn text(at: &Checkpoint) -> Option<String> {
    serde_json::to_string(at).ok()
}

fn go_on(goes_on: bool) -> Result<(), JobStop> {
    if goes_on { Ok(()) } else { Err(JobStop::Cancelled) }
}

/// Judges all that was read, and writes what is new, in one step.
async fn write(app: &App, job: &Job, mut at: Checkpoint) -> JobEnd {
    let mut judge = ImportJudge::new(jiff::tz::TimeZone::UTC);
    let (mut rows, mut listed) = (Vec::new(), Vec::new());
    let mut after = None;
    loop {
        let page = app.store.job_rows(job.id, None, after, PAGE_ROWS).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.number);
        for mut row in page {
            let Ok(title) = serde_json::from_str::<ReadTitle>(&row.body) else { continue };
            let record = Record { item: title.item, entry: Entry::Listed { since: title.since } };
            let matched = match_title(&record.item, &app.store.titles_like(&record.item).await?);
            let known = match &matched {
                TitleMatch::One { id, .. } => {
                    app.store.known_history(&job.work.person, Vec::new(), *id).await?
                }
                _ => KnownHistory::default(),
            };
            let judgement = judge.judge(&record, &matched, &known);
            row.what = title_in_words(&record);
            (row.state, row.reason) = (judgement.state.as_str().to_owned(), judgement.reason);
            if judgement.state == RowState::New {
                listed.push(ListedEntry { item: record.item, since: title.since.unwrap_or(Timestamp::MAX) });
            }
            rows.push(row);
        }
    }
    // Services give films and shows one after the other: what was added last comes first.
    if listed.iter().all(|entry| entry.since != Timestamp::MAX) {
        listed.sort_by_key(|entry| std::cmp::Reverse(entry.since));
    }
    let (read, new) = (rows.len(), listed.len());
    let count = |state: RowState| rows.iter().filter(|row| row.state == state.as_str()).count();
    let left = count(RowState::Unclear) + count(RowState::NoIdentity);
    let message = match left {
        0 => format!("{read} titles read, {new} of them new"),
        left => format!("{read} titles read, {new} of them new, {left} could not be told from others"),
    };
    at.message = Some(message.clone());
    let total = u64::try_from(read).unwrap_or(u64::MAX);
    let progress = JobProgress { checkpoint: text(&at), done: total, total: Some(total), rows };
    let writes = JobWrites { listed, ..JobWrites::default() };
    go_on(app.store.write_job(job, writes, progress, clock::now()).await?)?;
    Ok((JobState::Done, message))
}
