//! What MDBList's statuses mean.

use jiff::Timestamp;
use playrelay_sdk::failure;
use playrelay_sdk::host::types::{Failure, QuotaReached};
use playrelay_sdk::http::Response;
use serde_json::Value;

/// The failure that an answer means, where it means one whatever was asked. 404 is for the caller.
pub fn failure(answer: &Response) -> Option<Failure> {
    Some(match answer.status {
        200..=299 | 404 => return None,
        401 => Failure::Unauthorized("MDBList refused the API key, or the login".to_owned()),
        403 => Failure::Blocked(format!("MDBList refused the request (403): {}", words(answer))),
        // The one limit is that of a day; `Retry-After` may be many hours.
        429 if answer.header("x-ratelimit-remaining") == Some("0") || words(answer).contains("Daily") => {
            Failure::Quota(QuotaReached {
                until: reset(answer).unwrap_or_default(),
                reason: "the requests of this MDBList account are used up for today".to_owned(),
            })
        }
        status => failure::of_overload(answer, "MDBList")
            .unwrap_or_else(|| Failure::Rejected(format!("MDBList answered {status}: {}", words(answer)))),
    })
}

/// The answer, where it is a success.
pub fn require_success(answer: Response) -> Result<Response, Failure> {
    match failure(&answer) {
        Some(failure) => Err(failure),
        None if (200..300).contains(&answer.status) => Ok(answer),
        None => Err(Failure::Rejected(format!("MDBList answered {}: {}", answer.status, words(&answer)))),
    }
}

/// `X-RateLimit-Reset`: Unix seconds.
fn reset(answer: &Response) -> Option<String> {
    let seconds = answer.header("x-ratelimit-reset")?.trim().parse().ok()?;
    Timestamp::from_second(seconds).ok().map(|at| at.to_string())
}

/// Its error: a text, or texts by field.
fn words(answer: &Response) -> String {
    let body: Value = answer.json().unwrap_or_default();
    match &body["error"] {
        Value::String(text) => text.clone(),
        Value::Null => "no reason given".to_owned(),
        fields => fields.to_string(),
    }
}
