//! Requests, answers, and the errors of a request.

use std::time::Duration;

use reqwest::Method;
use url::Url;

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// The verb.
    pub method: Method,
    /// Absolute.
    pub url: Url,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Absent for none.
    pub body: Option<Vec<u8>>,
    /// At most [`REQUEST_TIMEOUT`](crate::http::client::REQUEST_TIMEOUT).
    pub timeout: Duration,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Decompressed.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of this name, which must be in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }
}

/// Why there is no answer. The texts name origins, never paths, queries or headers: those can hold secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// Policy forbids it. Nothing was sent.
    #[error("{0}")]
    Denied(String),
    /// The account is not logged in. Nothing was sent.
    #[error("{0}")]
    NotLoggedIn(String),
    /// The requests of today are used up. Nothing was sent.
    #[error("{reason}")]
    Quota {
        /// When the quota is renewed, UTC.
        until: jiff::Timestamp,
        /// The reason, one sentence for people.
        reason: String,
    },
    /// No connection could be made. Nothing was sent.
    #[error("{0}")]
    Unreachable(String),
    /// It may have been applied.
    #[error("{0}")]
    Interrupted(String),
    /// The answer is too large.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
}
