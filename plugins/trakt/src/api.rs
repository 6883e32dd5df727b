//! Requests to the API. Key, version and token are added by the host.

use playrelay_sdk::host::types::Failure;
use playrelay_sdk::http::{self, Response};
pub use playrelay_sdk::tracker::post;

/// Sends a GET to a path.
pub fn get(path: &str) -> Result<Response, Failure> {
    http::get(&http::join_setting("api_url", path), &[("content-type", "application/json")])
}
