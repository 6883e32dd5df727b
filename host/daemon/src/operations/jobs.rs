//! Jobs: cancel, go on, and take back.

use playrelay_store::{Job, SharedStore, Undone};
use playrelay_util::clock;

use crate::jobs::spec::JobSpec;
use crate::operations::OperationError;

/// A job.
///
/// # Errors
///
/// Fails if no job has this id.
pub async fn find(store: &SharedStore, id: i64) -> Result<Job, OperationError> {
    let job = store.job(id).await?;
    job.ok_or_else(|| OperationError::NotFound(format!("there is no job {id}; `playrelay jobs` lists them")))
}

/// Ends a job before its end. What it wrote stays.
///
/// # Errors
///
/// Fails where there is no such job, or it has ended.
pub async fn cancel(store: &SharedStore, id: i64) -> Result<(), OperationError> {
    let job = find(store, id).await?;
    match store.cancel_job(id, clock::now()).await? {
        true => Ok(()),
        false => Err(OperationError::Conflict(format!("job {id} is {} already", job.state.as_str()))),
    }
}

/// Has a job go on that failed or was cancelled, from where it was; or one that waits for a decision.
///
/// # Errors
///
/// Fails where there is no such job, it is in another state, or another one does the same just now.
pub async fn go_on(store: &SharedStore, id: i64) -> Result<(), OperationError> {
    let job = find(store, id).await?;
    match store.continue_job(id, clock::now()).await? {
        true => Ok(()),
        false => Err(OperationError::Conflict(format!(
            "job {id} is {}; only one that failed, was cancelled or waits for a decision goes on, and only where no other one does the same",
            job.state.as_str()
        ))),
    }
}

/// Takes back exactly what a job wrote here. Services keep what they were told.
///
/// # Errors
///
/// Fails where there is no such job, it is under way, or it was taken back.
pub async fn undo(store: &SharedStore, id: i64) -> Result<Undone, OperationError> {
    let job = find(store, id).await?;
    if !JobSpec::read(&job.work.spec).is_some_and(|spec| spec.writes_history()) {
        let text = format!("job {id} wrote nothing into a history that could be taken back");
        return Err(OperationError::Conflict(text));
    }
    store.undo_job(id, clock::now()).await?.ok_or_else(|| {
        OperationError::Conflict(format!(
            "job {id} is {}; only one that has ended can be taken back, and only once",
            job.state.as_str()
        ))
    })
}
