//! Changes of a server's settings.

use playrelay_sdk::failure;
use playrelay_sdk::host::types::Failure;
use playrelay_sdk::http::Response;

/// An answer of success. `missing` says what it means that the server does not know the address.
pub fn expect(answer: Response, missing: &str) -> Result<Response, Failure> {
    match answer.status {
        200..=299 => Ok(answer),
        401 | 403 => Err(Failure::Unauthorized("only an administrator may change it".to_owned())),
        404 => Err(Failure::Rejected(missing.to_owned())),
        _ => Err(failure::from_status(&answer, "the server")),
    }
}
