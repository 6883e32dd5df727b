//! Requests to the API. The host adds the key, or the token.

use playrelay_sdk::host::types::Failure;
use playrelay_sdk::http::{self, Response};
use serde_json::Value;

/// Sends a GET to a path.
pub fn get(path: &str) -> Result<Response, Failure> {
    http::get(&http::below("api_url", path), &[])
}

/// Sends a POST to a path.
pub fn post(path: &str, body: &Value) -> Result<Response, Failure> {
    http::post_json(&http::below("api_url", path), &[], body)
}
