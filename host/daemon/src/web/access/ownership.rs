//! Whose library somebody may see: their own with the role person, everybody's otherwise.

use playrelay_engine::model::normalize;
use playrelay_store::Job;

use crate::web::access::principal::Principal;
use crate::web::api::problem::Problem;

/// Whether a sender may see and change what is somebody's.
pub fn may_see(principal: &Principal, person: &str) -> bool {
    principal.only_person().is_none_or(|only| normalize(only) == normalize(person))
}

/// Refuses what is somebody else's, as if it were not there.
///
/// # Errors
///
/// Gives "not found" where the sender may not see it.
pub fn require(principal: &Principal, person: &str) -> Result<(), Problem> {
    if may_see(principal, person) {
        return Ok(());
    }
    Err(Problem::not_found(
        format!("there is nobody called {person:?} whose library you may see"),
        "with the role person, yours is the one of your own name",
    ))
}

/// The same for a job.
///
/// # Errors
///
/// Gives "not found" where the sender may not see it.
pub fn require_job(principal: &Principal, job: &Job) -> Result<(), Problem> {
    if may_see(principal, &job.work.person) {
        return Ok(());
    }
    Err(Problem::not_found(format!("there is no job {}", job.id), "/api/v1/jobs lists yours"))
}
