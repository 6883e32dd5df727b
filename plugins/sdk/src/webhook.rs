//! What reading webhooks takes, and what testing that takes.

use serde_json::Value;

use crate::capability::webhook::{ParseError, Request};
use crate::host::types::Field;

/// Reads JSON, with or without a byte order mark in front. `what` names it where it is none: "the payload".
pub fn json(text: &str, what: &str) -> Result<Value, ParseError> {
    serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|error| ParseError::Malformed(format!("{what} is no JSON: {error}")))
}

/// A request for tests: its text in a form's field, or as the body where no field is named.
pub fn request(field: Option<&str>, text: &str) -> Request {
    let form = field.map(|name| Field { name: name.to_owned(), value: text.to_owned() });
    Request {
        media_type: if field.is_some() { "multipart/form-data" } else { "application/json" }.to_owned(),
        headers: Vec::new(),
        query: Vec::new(),
        body: if field.is_some() { String::new() } else { text.to_owned() },
        form: form.into_iter().collect(),
        received_at: "2026-11-21T20:11:00Z".to_owned(),
    }
}

/// The words of an error, for tests.
pub fn reason(error: ParseError) -> String {
    match error {
        ParseError::Malformed(text) | ParseError::Unsupported(text) => text,
    }
}
