//! The meaning of MDBList's statuses.

use jiff::Timestamp;
use playrelay_sdk::failure;
use playrelay_sdk::host::types::{Failure, QuotaReached};
use playrelay_sdk::http::Response;

/// The service, for people.
pub const NAME: &str = "MDBList";

/// MDBList allows 300 writes and 1,000 reads within this. Ms.
const WINDOW_MS: u32 = 5 * 60 * 1_000;

/// The failure that an answer means, where it means one whatever was asked. 404 is for the caller.
pub fn failure(answer: &Response) -> Option<Failure> {
    Some(match answer.status {
        200..=299 | 404 => return None,
        _ if let Some(failure) = failure::of_page(answer, NAME) => failure,
        401 => Failure::Unauthorized("MDBList refused the API key, or the login".to_owned()),
        403 => Failure::Blocked(match failure::words(answer) {
            Some(words) => format!("MDBList refused the request (403): {words}"),
            None => "MDBList refused the request (403), and does not say why".to_owned(),
        }),
        // The limits of five minutes end with `Retry-After`; that of a day ends with the day, which may be many hours away.
        429 if is_of_the_day(answer) => Failure::Quota(QuotaReached {
            until: reset(answer).unwrap_or_default(),
            reason: "the requests of this MDBList account are used up for today".to_owned(),
        }),
        _ => failure::from_status(answer, NAME),
    })
}

/// The answer, where it is a success.
pub fn require_success(answer: Response) -> Result<Response, Failure> {
    match failure(&answer) {
        Some(failure) => Err(failure),
        None if (200..300).contains(&answer.status) => Ok(answer),
        None => Err(Failure::Rejected(failure::answered(&answer, NAME))),
    }
}

/// `X-RateLimit-Reset`: Unix seconds.
fn reset(answer: &Response) -> Option<String> {
    let seconds = answer.header("x-ratelimit-reset")?.trim().parse().ok()?;
    Timestamp::from_second(seconds).ok().map(|at| at.to_string())
}

/// Whether the requests of a day are used up, and not those of five minutes.
fn is_of_the_day(answer: &Response) -> bool {
    let says_so = failure::words(answer).is_some_and(|words| words.contains("Daily"));
    let is_soon_over = answer.retry_after_ms().is_some_and(|wait| wait <= WINDOW_MS);
    says_so || (answer.header("x-ratelimit-remaining") == Some("0") && !is_soon_over)
}
