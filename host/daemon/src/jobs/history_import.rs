//! Reads a history that another program wrote. First it shows what would come of each row, and waits for a person; then it writes what is new, and
//! asks for the jobs that tell trackers of it, where somebody wants that.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use playrelay_engine::library::import::{Entry, ImportJudge, KnownHistory, Record, RowState, title_in_words};
use playrelay_engine::library::title::{TitleMatch, match_title};
use playrelay_engine::play::Viewer;
use playrelay_store::{Job, JobProgress, JobRow, JobState, JobWrites, SharedStore};
use playrelay_util::clock;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::app::App;
use crate::imports::{self, FOLDER, ImportError, ImportFormat, ImportedRow};
use crate::jobs::imported;
use crate::jobs::queue::JobQueue;
use crate::jobs::spec::JobSpec;
use crate::jobs::step::{JobEnd, JobStop};
use crate::operations::people;

/// Rows of one import.
const MAX_ROWS: u32 = 1_000_000;
/// Rows that are stored at once.
const BATCH: usize = 500;
/// Titles whose history is kept at hand.
const MAX_KNOWN_TITLES: usize = 5_000;
/// Where an import goes on.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Checkpoint {
    /// What the preview says; absent until it is whole.
    preview: Option<String>,
    /// The last row that was written.
    written: Option<u32>,
}

/// Works on an import from where it is.
pub(super) async fn run(
    app: &App,
    queue: &JobQueue,
    job: &Job,
    (format, file): (ImportFormat, &str),
    tell: &[String],
) -> JobEnd {
    let mut at: Checkpoint =
        job.checkpoint.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let preview = match at.preview.clone() {
        Some(preview) => preview,
        None => {
            // What is left of a preview that was cut off is written anew: what stood earlier in the file decides.
            let path = app.config.server.data_dir.join(FOLDER).join(file);
            let preview = Preview::new(app, job).await?.read(queue, format, path.clone()).await?;
            at.preview = Some(preview.clone());
            let progress = JobProgress { checkpoint: text(&at), done: 0, total: None, rows: Vec::new() };
            go_on(app.store.save_progress(job.id, progress).await?)?;
            if let Err(error) = std::fs::remove_file(&path) {
                tracing::debug!("the upload of job {} cannot be removed: {error}", job.id);
            }
            preview
        }
    };
    match job.is_confirmed {
        true => {
            let end = write(app, queue, job, at).await?;
            for tracker in tell {
                queue.add(&job.work.person, &JobSpec::import_delivery(job, tracker)).await?;
            }
            Ok(end)
        }
        false => Ok((JobState::Ready, preview)),
    }
}

fn text(at: &Checkpoint) -> Option<String> {
    serde_json::to_string(at).ok()
}

fn go_on(goes_on: bool) -> Result<(), JobStop> {
    if goes_on { Ok(()) } else { Err(JobStop::Cancelled) }
}

/// The rows of a file, held against what is known.
struct Preview<'a> {
    store: &'a SharedStore,
    job: &'a Job,
    viewers: Vec<Viewer>,
    judge: ImportJudge,
    known: HashMap<i64, KnownHistory>,
    counts: BTreeMap<RowState, u32>,
    rows: u32,
}

impl<'a> Preview<'a> {
    async fn new(app: &'a App, job: &'a Job) -> Result<Self, JobStop> {
        let found = people::find(&app.store, &app.config, &job.work.person).await;
        let history = found.map_err(|error| JobStop::Failed(error.to_string()))?;
        Ok(Self {
            store: &app.store,
            job,
            viewers: history.viewers(),
            judge: ImportJudge::new(history.person.zone),
            known: HashMap::new(),
            counts: BTreeMap::new(),
            rows: 0,
        })
    }

    async fn read(
        mut self,
        queue: &JobQueue,
        format: ImportFormat,
        path: PathBuf,
    ) -> Result<String, JobStop> {
        // One file's rows at a time: while they are judged, the next file is read.
        let (sender, mut receiver) = mpsc::channel::<Vec<ImportedRow>>(1);
        let name = self.job.work.about.clone();
        let reader = tokio::task::spawn_blocking(move || {
            imports::read(format, &path, &name, |rows| sender.blocking_send(rows).is_ok())
        });
        while let Some(rows) = receiver.recv().await {
            for batch in rows.chunks(BATCH) {
                self.judge(batch).await?;
                queue.changed(self.job.id).await;
            }
        }
        match reader.await {
            Ok(Ok(())) => {}
            Ok(Err(error @ ImportError::Io(_))) => {
                return Err(JobStop::Failed(format!("{error}; upload it again")));
            }
            Ok(Err(error)) => return Err(JobStop::Failed(error.to_string())),
            Err(error) => return Err(JobStop::Failed(format!("the reader ended: {error}"))),
        }
        let counts: Vec<String> =
            self.counts.iter().map(|(state, count)| format!("{count} {}", in_words(*state))).collect();
        Ok(format!("{} rows: {}", self.rows, counts.join(", ")))
    }

    async fn judge(&mut self, batch: &[ImportedRow]) -> Result<(), JobStop> {
        let mut rows = Vec::new();
        for row in batch {
            if self.rows >= MAX_ROWS {
                return Err(JobStop::Failed(format!("it has more than {MAX_ROWS} rows")));
            }
            let (state, what, reason, body) = match &row.told {
                Err(untold) => (untold.state, untold.what.clone(), untold.reason.clone(), String::new()),
                Ok(record) => {
                    let judgement = self.judge_record(record).await?;
                    let body =
                        serde_json::to_string(record).map_err(|error| JobStop::Failed(error.to_string()))?;
                    (judgement.state, title_in_words(record), judgement.reason, body)
                }
            };
            let reason = if reason.is_empty() { String::new() } else { format!("{}: {reason}", row.place) };
            *self.counts.entry(state).or_default() += 1;
            rows.push(JobRow { number: self.rows, state: state.as_str().to_owned(), what, reason, body });
            self.rows += 1;
        }
        let progress = JobProgress { checkpoint: None, done: self.rows.into(), total: None, rows };
        go_on(self.store.save_progress(self.job.id, progress).await?)
    }

    async fn judge_record(
        &mut self,
        record: &Record,
    ) -> Result<playrelay_engine::library::import::Judgement, JobStop> {
        let matched = match_title(&record.item, &self.store.titles_like(&record.item).await?);
        let nothing = KnownHistory::default();
        let known = match &matched {
            TitleMatch::One { id, .. } => {
                if !self.known.contains_key(id) {
                    if self.known.len() >= MAX_KNOWN_TITLES {
                        self.known.clear();
                    }
                    let person = &self.job.work.person;
                    let known = self.store.known_history(person, self.viewers.clone(), *id).await?;
                    self.known.insert(*id, known);
                }
                self.known.get(id).unwrap_or(&nothing)
            }
            _ => &nothing,
        };
        Ok(self.judge.judge(record, &matched, known))
    }
}

fn in_words(state: RowState) -> &'static str {
    match state {
        RowState::New => "new",
        RowState::Known => "known",
        RowState::Repeated => "twice in the file",
        RowState::Unclear => "unclear",
        RowState::NoIdentity => "without identity",
        RowState::NotForUs => "not for us",
    }
}

/// Writes the rows that are new. The watchlist comes last and at once: its titles stand in front in their own order.
async fn write(app: &App, queue: &JobQueue, job: &Job, mut at: Checkpoint) -> JobEnd {
    let found = people::find(&app.store, &app.config, &job.work.person).await;
    let person = found.map_err(|error| JobStop::Failed(error.to_string()))?.person;
    let counts = app.store.count_job_rows(job.id).await?;
    let of = |state: &str| counts.get(state).copied().unwrap_or(0);
    let (mut done, total) = (of(imported::WRITTEN), of(imported::WRITTEN) + of(RowState::New.as_str()));
    let limit = u32::try_from(BATCH).unwrap_or(u32::MAX);
    let (mut listed, mut listed_rows) = (JobWrites::default(), Vec::new());
    loop {
        let rows = app.store.job_rows(job.id, Some(RowState::New.as_str()), at.written, limit).await?;
        let Some(last) = rows.last() else { break };
        at.written = Some(last.number);
        let mut writes = JobWrites::default();
        let mut written = Vec::new();
        for mut row in rows {
            let Ok(record) = serde_json::from_str::<Record>(&row.body) else { continue };
            row.state = imported::WRITTEN.to_owned();
            if matches!(record.entry, Entry::Listed { .. }) {
                imported::add_record(&mut listed, &person, record);
                listed_rows.push(row);
                continue;
            }
            imported::add_record(&mut writes, &person, record);
            written.push(row);
        }
        done += written.len() as u64;
        let progress = JobProgress { checkpoint: text(&at), done, total: Some(total), rows: written };
        go_on(app.store.write_job(job, writes, progress, clock::now()).await?)?;
        queue.changed(job.id).await;
    }
    done += listed_rows.len() as u64;
    let progress = JobProgress { checkpoint: text(&at), done, total: Some(total), rows: listed_rows };
    go_on(app.store.write_job(job, listed, progress, clock::now()).await?)?;
    Ok((JobState::Done, format!("{done} rows imported")))
}
