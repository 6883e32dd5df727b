//! Failures, and what the common ones of HTTP mean.

use crate::host::http::Error;
use crate::host::types::{Failure, RetryLater};
use crate::http::Response;

/// Worth another try, by the host's own back-off.
pub fn retry(reason: impl Into<String>) -> Failure {
    Failure::Retry(RetryLater { after_ms: None, reason: reason.into() })
}

/// What it means that a request gave no answer.
pub fn of_request(error: Error) -> Failure {
    match error {
        Error::Denied(reason) => Failure::Blocked(reason),
        Error::Unreachable(reason) | Error::Interrupted(reason) => retry(reason),
        Error::TooLarge => Failure::Rejected("the answer is too large".to_owned()),
        Error::Budget => Failure::Rejected("the event needs more requests than a call may send".to_owned()),
    }
}

/// What a status means that is no success and has no meaning of its own. `who` names the service.
pub fn of_answer(response: &Response, who: &str) -> Failure {
    let rejected = || Failure::Rejected(format!("{who} answered {}", response.status));
    of_overload(response, who).unwrap_or_else(rejected)
}

/// What a status means that says nothing about the request itself: the service is busy or broken. `who` names it.
pub fn of_overload(response: &Response, who: &str) -> Option<Failure> {
    let status = response.status;
    matches!(status, 408 | 425 | 429 | 500..=599).then(|| {
        Failure::Retry(RetryLater {
            after_ms: response.retry_after_ms(),
            reason: format!("{who} answered {status}"),
        })
    })
}
