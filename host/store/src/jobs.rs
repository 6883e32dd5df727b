//! Jobs: work that takes longer than a request, survives a restart, and can be looked at.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use playrelay_engine::event::TrackerEvent;
use playrelay_engine::play::Play;
use playrelay_engine::transition::Rating;
use serde::{Deserialize, Serialize};

use crate::StoreError;

/// How a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// It begins, or goes on, when it is due.
    Waiting,
    /// It is worked on.
    Running,
    /// It has shown what it would do, and waits for a person to say so.
    Ready,
    /// It has ended.
    Done,
    /// It has ended for good without doing all of it.
    Failed,
    /// A person has ended it.
    Cancelled,
    /// What it wrote was taken back.
    Undone,
}

impl JobState {
    /// The word for the store and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Ready => "ready",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Undone => "undone",
        }
    }

    /// Whether work is done or to be done without anybody's doing.
    pub fn is_active(self) -> bool {
        matches!(self, Self::Waiting | Self::Running)
    }
}

/// A job that is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// What kind of work it is.
    pub kind: String,
    /// Whose.
    pub person: String,
    /// What it is about: the account that it reads, the name of a file.
    pub about: String,
    /// What it has to know, as JSON.
    pub spec: String,
}

/// A job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Grows by time.
    pub id: i64,
    /// What kind of work it is, whose, and about what.
    pub work: NewJob,
    /// How it stands.
    pub state: JobState,
    /// When it was asked for, UTC.
    pub created_at: Timestamp,
    /// When it began, UTC; absent before.
    pub started_at: Option<Timestamp>,
    /// When it ended, UTC; absent before.
    pub ended_at: Option<Timestamp>,
    /// When it is due, UTC, while it waits.
    pub next_at: Timestamp,
    /// How often it was begun without coming to its end.
    pub attempts: u32,
    /// Parts of it that are done.
    pub done: u64,
    /// All of its parts; absent while that is not known.
    pub total: Option<u64>,
    /// Where it goes on, as JSON; absent at its beginning.
    pub checkpoint: Option<String>,
    /// How it ended, or why it waits; absent where there is nothing to say.
    pub message: Option<String>,
    /// Whether a person has asked for its end.
    pub is_stopping: bool,
    /// Whether a person has seen what it would do, and said so.
    pub is_confirmed: bool,
}

/// A part of a job, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRow {
    /// Its place in the job.
    pub number: u32,
    /// What becomes of it, in a word.
    pub state: String,
    /// What it is about, in words.
    pub what: String,
    /// Why it is as it is, and what to do; empty where there is nothing to say.
    pub reason: String,
    /// What the job knows of it, as JSON.
    pub body: String,
}

/// Progress of a job, stored as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobProgress {
    /// Where it goes on.
    pub checkpoint: Option<String>,
    /// Parts of it that are done.
    pub done: u64,
    /// All of its parts; absent while that is not known.
    pub total: Option<u64>,
    /// Parts that are new, or different.
    pub rows: Vec<JobRow>,
}

/// Plays, ratings and titles of a watchlist that a job has read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobWrites {
    /// Plays; one with an id that is there is left alone.
    pub plays: Vec<Play>,
    /// Ratings; one that is older than what is there only joins the history.
    pub ratings: Vec<Rating>,
    /// Titles for the front of the watchlist, in their order.
    pub listed: Vec<ListedEntry>,
    /// Events for trackers, which stand in one story of their own.
    pub deliveries: Vec<TrackerEvent>,
}

/// A title for a watchlist.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedEntry {
    /// The film or the show.
    pub item: playrelay_engine::model::Item,
    /// Since when it stands on a list, UTC.
    pub since: Timestamp,
}

/// What was taken back of a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Undone {
    /// Plays.
    pub plays: u64,
    /// Ratings.
    pub ratings: u64,
    /// Titles of the watchlist.
    pub listed: u64,
}

/// Jobs of a household.
#[async_trait]
pub trait JobStore: Send + Sync {
    /// Asks for a job. Gives its id; that of one of the same kind, person and subject where it is under way.
    async fn add_job(&self, job: NewJob, at: Timestamp) -> Result<i64, StoreError>;

    /// Jobs, the newest first: those of a person, or of everybody; those before an id.
    async fn jobs(
        &self,
        person: Option<&str>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Job>, StoreError>;

    /// A job; absent for an unknown id.
    async fn job(&self, id: i64) -> Result<Option<Job>, StoreError>;

    /// When the next job is due that waits, UTC; absent where none waits.
    async fn next_job_at(&self) -> Result<Option<Timestamp>, StoreError>;

    /// When a job of a kind, a person and a subject was last asked for, UTC; absent where none was.
    async fn last_job_at(
        &self,
        kind: &str,
        person: &str,
        about: &str,
    ) -> Result<Option<Timestamp>, StoreError>;

    /// Begins a job that waits, and counts that; absent where it does not wait.
    async fn start_job(&self, id: i64, now: Timestamp) -> Result<Option<Job>, StoreError>;

    /// Begins the job that is due longest, and counts that; absent where no job is due.
    async fn start_next_job(&self, now: Timestamp) -> Result<Option<Job>, StoreError>;

    /// Has all jobs wait that were running when a process ended. Gives how many.
    async fn resume_jobs(&self) -> Result<u64, StoreError>;

    /// Stores progress. Gives whether the job goes on: nobody has asked for its end.
    async fn save_progress(&self, id: i64, progress: JobProgress) -> Result<bool, StoreError>;

    /// Stores what a job has read, together with its progress. Gives whether the job goes on. The same writes again change nothing.
    async fn write_job(
        &self,
        job: &Job,
        writes: JobWrites,
        progress: JobProgress,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Ends a job, or has it wait for a person.
    async fn end_job(
        &self,
        id: i64,
        state: JobState,
        message: &str,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Has a job wait until a time, and says why. `is_failure` counts it as an attempt that failed.
    async fn postpone_job(
        &self,
        id: i64,
        until: Timestamp,
        message: &str,
        is_failure: bool,
    ) -> Result<(), StoreError>;

    /// Ends a job that waits, and asks one that runs for its end. False where it has ended.
    async fn cancel_job(&self, id: i64, now: Timestamp) -> Result<bool, StoreError>;

    /// Has a job that ended without doing all of it, or that is ready, go on from where it was. False where it is in another state, or another one of
    /// its kind, person and subject is under way.
    async fn continue_job(&self, id: i64, now: Timestamp) -> Result<bool, StoreError>;

    /// Takes back exactly what a job wrote, and drops what no tracker has taken of its plays yet. Absent where it is under way, or was taken back.
    async fn undo_job(&self, id: i64, now: Timestamp) -> Result<Option<Undone>, StoreError>;

    /// Puts a row in the place of the one with its number, and writes what follows from it as the job's.
    async fn change_job_row(
        &self,
        job: &Job,
        row: JobRow,
        writes: JobWrites,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Rows of a job, by their place: those of a state, or all; those after a place.
    async fn job_rows(
        &self,
        id: i64,
        state: Option<&str>,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Vec<JobRow>, StoreError>;

    /// How many rows of a job are in each state.
    async fn count_job_rows(&self, id: i64) -> Result<BTreeMap<String, u64>, StoreError>;

    /// Forgets the rows of jobs that ended before a time, and jobs that wait for a person since before another. Gives how many jobs.
    async fn prune_jobs(&self, ended_before: Timestamp, ready_before: Timestamp) -> Result<u64, StoreError>;
}
