//! Requests with JSON, sent by the host.

use serde::Serialize;

use crate::failure;
pub use crate::host::http::Method;
use crate::host::http::{self, Body, Request};
use crate::host::settings;
use crate::host::types::{Failure, Field};
pub use crate::response::Response;

/// For answers in JSON.
pub const ACCEPT_JSON: &[(&str, &str)] = &[("accept", "application/json")];

/// Whether the host has taken one of the account's secrets out of what was read: written back, it would be lost.
pub fn is_redacted(text: &str) -> bool {
    text.contains("[secret]")
}

/// Sends a GET.
pub fn get(url: &str, headers: &[(&str, &str)]) -> Result<Response, Failure> {
    send(Method::Get, url, headers, Body::None)
}

/// A path below the address that a setting holds.
pub fn join_setting(setting: &str, path: &str) -> String {
    let base = settings::get(setting).unwrap_or_default();
    format!("{}{path}", base.trim_end_matches('/'))
}

/// Sends a PUT or DELETE without a body.
pub fn send_empty(method: Method, url: &str, headers: &[(&str, &str)]) -> Result<Response, Failure> {
    send(method, url, headers, Body::None)
}

/// Sends a POST with a JSON body.
pub fn post_json(url: &str, headers: &[(&str, &str)], body: &impl Serialize) -> Result<Response, Failure> {
    let text = serde_json::to_string(body).map_err(|error| Failure::Rejected(error.to_string()))?;
    let mut headers = headers.to_vec();
    headers.push(("content-type", "application/json"));
    send(Method::Post, url, &headers, Body::Text(text))
}

fn send(method: Method, url: &str, headers: &[(&str, &str)], body: Body) -> Result<Response, Failure> {
    let field = |(name, value): &(&str, &str)| Field { name: (*name).to_owned(), value: (*value).to_owned() };
    let request = Request {
        method,
        url: url.to_owned(),
        headers: headers.iter().map(field).collect(),
        body,
        timeout_ms: None,
        captures: Vec::new(),
    };
    http::send(&request).map(Response::from).map_err(failure::from_http_error)
}
