//! An answer to a request.

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use serde::de::DeserializeOwned;

use crate::host::clock;
use crate::host::http::{self, Body};
use crate::host::types::{Failure, Field, RetryLater};

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    headers: Vec<Field>,
    body: String,
}

impl Response {
    /// An answer of some parts, for tests.
    pub fn of(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        let field =
            |(name, value): &(&str, &str)| Field { name: (*name).to_owned(), value: (*value).to_owned() };
        Self { status, headers: headers.iter().map(field).collect(), body: body.to_owned() }
    }

    /// The first header of this name, which must be in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|field| field.name == name).map(|field| field.value.as_str())
    }

    /// The body as text; empty where it was none.
    pub fn text(&self) -> &str {
        &self.body
    }

    /// The body as JSON. Other text is worth another try: a proxy's error page, a cut-off answer.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_str(&self.body).map_err(|error| {
            let reason = format!("the answer ({}) cannot be read: {error}", self.status);
            Failure::Retry(RetryLater { after_ms: None, reason })
        })
    }

    /// `Retry-After` in ms: it is a number of seconds, or a date (RFC 9110, 10.2.3).
    pub fn retry_after_ms(&self) -> Option<u32> {
        let text = self.header("retry-after")?.trim();
        match text.parse::<u32>() {
            Ok(seconds) => seconds.checked_mul(1000),
            Err(_) => until_date(text, &clock::now()),
        }
    }
}

impl From<http::Response> for Response {
    fn from(response: http::Response) -> Self {
        let body = match response.body {
            Body::None => String::new(),
            Body::Text(text) => text,
            Body::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        };
        Self { status: response.status, headers: response.headers, body }
    }
}

/// How long it is from now until a date as HTTP writes it. Ms; 0 where it has passed.
fn until_date(date: &str, now: &str) -> Option<u32> {
    const PARSER: DateTimeParser = DateTimeParser::new();
    let (date, now) = (PARSER.parse_timestamp(date).ok()?, now.parse::<Timestamp>().ok()?);
    u32::try_from(date.duration_since(now).as_millis().max(0)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_says_how_long_to_wait() {
        let now = "1994-11-06T08:49:07Z";
        assert_eq!(until_date("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(30_000));
        assert_eq!(until_date("Sun, 06 Nov 1994 08:00:00 GMT", now), Some(0));
        assert_eq!(until_date("tomorrow", now), None);
    }
}
