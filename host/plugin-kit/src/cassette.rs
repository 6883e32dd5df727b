//! Answers in the network's place. Each is given once. A request without an answer fails the test.

use std::sync::Mutex;

use playrelay_plugin_host::http::{HttpError, Request, Response};
use playrelay_plugin_host::ports::Transport;
use playrelay_util::lock::lock;
use serde::Serialize;
use serde_json::Value;
use url::Url;

/// What a service does with a request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// It answers.
    Response(Response),
    /// No connection can be made.
    Unreachable,
    /// The connection breaks after the request was sent.
    Interrupted,
    /// The answer is larger than the plugin may read.
    TooLarge,
}

/// A request that is expected, and what the service does with it.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// In capital letters.
    pub method: String,
    /// The whole address, without credentials.
    pub url: Url,
    /// What the request must carry; absent where anything will do.
    pub request_body: Option<String>,
    /// What comes back.
    pub reply: Reply,
    /// Whether the call succeeds without it.
    pub is_optional: bool,
}

/// A request that was sent, as a test shows it: without credentials, which the host adds later.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SentRequest {
    method: String,
    url: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    headers: Vec<(String, String)>,
    #[serde(skip_serializing_if = "Value::is_null")]
    body: Value,
}

impl SentRequest {
    fn of(request: &Request) -> Self {
        let mut headers = request.headers.clone();
        headers.sort();
        Self {
            method: request.method.as_str().to_owned(),
            url: request.url.to_string(),
            headers,
            body: request.body.as_deref().map(body_value).unwrap_or_default(),
        }
    }
}

/// A body: JSON where it is JSON, and text otherwise.
fn body_value(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(body).into_owned()))
}

#[derive(Debug, Default)]
struct Tape {
    left: Vec<Exchange>,
    sent: Vec<SentRequest>,
    complaints: Vec<String>,
}

/// The exchanges of one test.
#[derive(Debug, Default)]
pub struct Cassette(Mutex<Tape>);

impl Cassette {
    /// A cassette that gives these answers, each once.
    pub fn new(exchanges: Vec<Exchange>) -> Self {
        Self(Mutex::new(Tape { left: exchanges, ..Tape::default() }))
    }

    /// The requests that were sent, in order.
    pub fn sent(&self) -> Vec<SentRequest> {
        lock(&self.0).sent.clone()
    }

    /// What was wrong: requests without an answer, and answers that nobody asked for.
    pub fn complaints(&self) -> Vec<String> {
        let tape = lock(&self.0);
        let missing = tape.left.iter().filter(|exchange| !exchange.is_optional);
        let unused = missing.map(|it| format!("the plugin did not send {} {}", it.method, it.url));
        tape.complaints.iter().cloned().chain(unused).collect()
    }
}

impl Transport for Cassette {
    fn answer(&self, request: &Request) -> Result<Response, HttpError> {
        let mut tape = lock(&self.0);
        let sent = SentRequest::of(request);
        tape.sent.push(sent.clone());
        let fits = |exchange: &Exchange| {
            let body = exchange.request_body.as_deref().map(|body| body_value(body.as_bytes()));
            exchange.method == sent.method
                && exchange.url.as_str() == sent.url
                && body.is_none_or(|expected| expected == sent.body)
        };
        let Some(place) = tape.left.iter().position(fits) else {
            let expected: Vec<String> =
                tape.left.iter().map(|exchange| format!("{} {}", exchange.method, exchange.url)).collect();
            let expected =
                if expected.is_empty() { "no further request".to_owned() } else { expected.join(", ") };
            let body = if sent.body.is_null() { String::new() } else { format!(" with {}", sent.body) };
            let complaint = format!("no answer for {} {}{body}; expected {expected}", sent.method, sent.url);
            tape.complaints.push(complaint.clone());
            return Err(HttpError::Unreachable(complaint));
        };
        let origin = request.url.origin().ascii_serialization();
        match tape.left.remove(place).reply {
            Reply::Response(response) => Ok(response),
            Reply::Unreachable => Err(HttpError::Unreachable(format!("{origin} cannot be reached"))),
            Reply::Interrupted => Err(HttpError::Interrupted(format!("{origin} gave no answer in time"))),
            Reply::TooLarge => Err(HttpError::TooLarge(playrelay_plugin_host::http::client::RESPONSE_LIMIT)),
        }
    }
}
