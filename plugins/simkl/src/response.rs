//! The meaning of SIMKL's statuses and errors.

use playrelay_sdk::failure;
use playrelay_sdk::host::types::{Failure, QuotaReached, RetryLater};
use playrelay_sdk::http::Response;
use serde_json::Value;

/// The service, for people.
pub const NAME: &str = "SIMKL";

/// SIMKL holds a lock of 20 s over a user's writes; it asks to come back within a second or two.
const LOCKED_FOR_MS: u32 = 1_500;

/// The failure that an answer means, where it means one whatever was asked. 404 and 409 are for the caller.
pub fn failure(answer: &Response) -> Option<Failure> {
    let body: Value = answer.json().unwrap_or_default();
    let error = body["error"].as_str().unwrap_or_default();
    Some(match (answer.status, error) {
        (200..=299 | 404 | 409, _) => return None,
        _ if let Some(failure) = failure::of_page(answer, NAME) => failure,
        (400, "RATE_LIMIT" | "rate_limit") => {
            retry_soon("SIMKL is still busy with this account's last write")
        }
        (401, "user_token_failed") => {
            Failure::Unauthorized("the app was disconnected in the settings of SIMKL".to_owned())
        }
        (401, _) => Failure::Unauthorized("SIMKL refused the login".to_owned()),
        (403, "insufficient_scope") => Failure::Unauthorized(
            "the login may only read; log in again, and allow the app to change your lists".to_owned(),
        ),
        (403, _) => Failure::Blocked(format!(
            "SIMKL refused the app (403 {error}): check the client id at simkl.com/settings/developer"
        )),
        // Too many writes: the client id is blocked for a while.
        (412, _) => quota("SIMKL has blocked the client id for a while, after too many writes (412)"),
        (429, "user_limit_exceeded") => quota("the requests of this SIMKL account are used up for today"),
        (429, "app_limit_exceeded") => quota("the requests of this SIMKL app are used up for today"),
        (429, _) if answer.retry_after_ms().is_none() => retry_soon("SIMKL asks for a pause (429)"),
        _ => failure::from_status(answer, NAME),
    })
}

fn retry_soon(reason: &str) -> Failure {
    Failure::Retry(RetryLater { after_ms: Some(LOCKED_FOR_MS), reason: reason.to_owned() })
}

/// Until the host's next day of the manifest's quota.
fn quota(reason: &str) -> Failure {
    Failure::Quota(QuotaReached { until: String::new(), reason: reason.to_owned() })
}

/// The answer, where it is a success.
pub fn require_success(answer: Response) -> Result<Response, Failure> {
    match failure(&answer) {
        Some(failure) => Err(failure),
        None if (200..300).contains(&answer.status) => Ok(answer),
        None => Err(Failure::Rejected(failure::answered(&answer, NAME))),
    }
}
