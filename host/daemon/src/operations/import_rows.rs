//! Rows of an import that nobody could match: a person says what each is.

use playrelay_engine::library::import::{ImportJudge, KnownHistory, Record, RowState, title_in_words};
use playrelay_engine::library::title::{TitleMatch, match_title};
use playrelay_store::{Job, JobRow, JobState, JobWrites};
use playrelay_util::clock;

use crate::app::App;
use crate::jobs::imported;
use crate::jobs::spec::JobSpec;
use crate::operations::deliveries::{self, Correction};
use crate::operations::{OperationError, jobs, people};

/// The states of rows that a person may match.
const OPEN: [RowState; 2] = [RowState::Unclear, RowState::NoIdentity];

/// Whether a person may match a row.
pub fn is_open(row: &JobRow) -> bool {
    OPEN.iter().any(|state| state.as_str() == row.state) && !row.body.is_empty()
}

/// Finds a row of an import that a person may match, with its job and its record.
///
/// # Errors
///
/// Fails where no such job or row exists, the job is no import in the state `ready` or `done`, or the row needs no match.
pub async fn find(app: &App, id: i64, number: u32) -> Result<(Job, JobRow, Record), OperationError> {
    let job = jobs::find(&app.store, id).await?;
    if !matches!(JobSpec::read(&job.work.spec), Some(JobSpec::HistoryImport { .. })) {
        return Err(OperationError::Conflict(format!("job {id} is no import of a history")));
    }
    if !matches!(job.state, JobState::Ready | JobState::Done) {
        let state = job.state.as_str();
        return Err(OperationError::Conflict(format!(
            "job {id} is {state}; its rows can be matched once it is ready or done"
        )));
    }
    let rows = app.store.job_rows(id, None, number.checked_sub(1), 1).await?;
    let row = rows.into_iter().find(|row| row.number == number);
    let row = row.ok_or_else(|| OperationError::NotFound(format!("job {id} has no row {number}")))?;
    let record = serde_json::from_str(&row.body).ok().filter(|_| is_open(&row));
    let record = record.ok_or_else(|| {
        OperationError::Conflict(format!(
            "row {number} of job {id} is {}; only one that is unclear can be matched",
            row.state
        ))
    })?;
    Ok((job, row, record))
}

/// Says what a row is. It is imported with the others where the import waits for a decision, and at once where that is done. Gives the row as it is now.
///
/// # Errors
///
/// Fails as [`find`] does, and where the correction does not fit the row or leaves it unclear.
pub async fn match_row(
    app: &App,
    id: i64,
    number: u32,
    correction: &Correction,
) -> Result<JobRow, OperationError> {
    let (job, mut row, mut record) = find(app, id, number).await?;
    record.item = deliveries::corrected(record.item, correction)?;
    let history = people::find(&app.store, &app.config, &job.work.person).await?;
    let matched = match_title(&record.item, &app.store.titles_like(&record.item).await?);
    let known = match &matched {
        TitleMatch::One { id, .. } => {
            app.store.known_history(&job.work.person, history.viewers(), *id).await?
        }
        _ => KnownHistory::default(),
    };
    let person = history.person;
    let judgement = ImportJudge::new(person.zone.clone()).judge(&record, &matched, &known);
    if OPEN.contains(&judgement.state) {
        return Err(OperationError::Invalid(format!("it is still not clear: {}", judgement.reason)));
    }
    row.state = judgement.state.as_str().to_owned();
    row.what = title_in_words(&record);
    row.reason = judgement.reason;
    row.body = serde_json::to_string(&record).map_err(|error| OperationError::Invalid(error.to_string()))?;
    let mut writes = JobWrites::default();
    if job.state == JobState::Done && judgement.state == RowState::New {
        row.state = imported::WRITTEN.to_owned();
        imported::add_record(&mut writes, &person, record);
    }
    app.store.change_job_row(&job, row.clone(), writes, clock::now()).await?;
    Ok(row)
}
