//! Enters the plays of a server's own history.

use playrelay_store::{Job, JobProgress, JobRow, JobState};

use crate::app::App;
use crate::jobs::queue::JobQueue;
use crate::jobs::step::{JobEnd, JobStop};
use crate::operations::OperationError;
use crate::operations::catch_up::{self, HistoryPlay};

/// Rows that are stored at once.
const BATCH: usize = 500;

/// Reads the history of some days, enters it, and keeps what each play was then: new, known or left out.
pub(super) async fn run(app: &App, queue: &JobQueue, job: &Job, source: &str, days: i64) -> JobEnd {
    let report = catch_up::run(app, source, days, true).await.map_err(|error| match error {
        OperationError::Store(error) => JobStop::from(error),
        OperationError::Upstream(reason) => JobStop::Later { reason, after: None },
        error => JobStop::Failed(error.to_string()),
    })?;
    let total = report.plays.len() as u64;
    let rows: Vec<JobRow> = (0..).zip(&report.plays).map(|(number, play)| row(number, play)).collect();
    let new = rows.iter().filter(|row| row.state == "new").count();
    for (batch, rows) in rows.chunks(BATCH).enumerate() {
        let done = (batch * BATCH + rows.len()) as u64;
        let progress = JobProgress { checkpoint: None, done, total: Some(total), rows: rows.to_vec() };
        if !app.store.save_progress(job.id, progress).await? {
            return Err(JobStop::Cancelled);
        }
        queue.changed(job.id).await;
    }
    Ok((JobState::Done, format!("{total} plays read, {new} of them new")))
}

fn row(number: u32, play: &HistoryPlay) -> JobRow {
    let (state, reason) = match &play.left_out {
        Some(code) => ("left-out", code.clone()),
        None if play.known => ("known", String::new()),
        None => ("new", String::new()),
    };
    let what = format!("{} watched {} at {}", play.user, play.item, play.at);
    JobRow { number, state: state.to_owned(), what, reason, body: String::new() }
}
