//! Requests with JSON, sent by the host.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::host::http::{self, Body, Method, Request};
use crate::host::types::{Failure, Field};

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    headers: Vec<Field>,
    body: String,
}

impl Response {
    /// The first header of this name, which must be in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|field| field.name == name).map(|field| field.value.as_str())
    }

    /// The body as text; empty where it was none.
    pub fn text(&self) -> &str {
        &self.body
    }

    /// The body as JSON. Text that is none is worth another try: a proxy's error page, a cut-off answer.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_str(&self.body).map_err(|error| {
            crate::failure::retry(format!("the answer ({}) cannot be read: {error}", self.status))
        })
    }

    /// `Retry-After` in ms, where it is a number of seconds.
    pub fn retry_after_ms(&self) -> Option<u32> {
        self.header("retry-after")?.trim().parse::<u32>().ok()?.checked_mul(1000)
    }
}

/// Sends a GET.
pub fn get(url: &str, headers: &[(&str, &str)]) -> Result<Response, Failure> {
    send(Method::Get, url, headers, Body::None)
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
    let response = http::send(&request).map_err(crate::failure::of_request)?;
    let body = match response.body {
        Body::None => String::new(),
        Body::Text(text) => text,
        Body::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
    };
    Ok(Response { status: response.status, headers: response.headers, body })
}
