//! Answers that say what is wrong: problems of RFC 9457.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use playrelay_store::StoreError;
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use crate::config::{ConfigError, Location};

/// The media type of a problem.
const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// What kind of problem it is. A program decides by this word; new ones may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemCode {
    /// The path, the query or the body cannot be read.
    InvalidRequest,
    /// The request has no valid token, password or session.
    Unauthorized,
    /// The sender may not do this.
    Forbidden,
    /// A page of another site sent the request.
    CrossSite,
    /// There is no such thing.
    NotFound,
    /// The address takes other methods.
    MethodNotAllowed,
    /// It cannot be done as things stand.
    Conflict,
    /// The configuration has changed since it was read.
    ConfigurationChanged,
    /// A setting is set by a variable, or the file cannot be written.
    Locked,
    /// The body is too large.
    TooLarge,
    /// The body has another media type than expected.
    UnsupportedMediaType,
    /// Playrelay does not answer to the name in `Host`.
    UnknownHost,
    /// The values cannot be taken.
    Invalid,
    /// There were too many requests or guesses.
    TooManyRequests,
    /// A server or a tracker does not do what was asked.
    Upstream,
    /// The database cannot be used now.
    Unavailable,
    /// Another node owns the household.
    Standby,
    /// Playrelay has a fault.
    Internal,
}

impl ProblemCode {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::InvalidRequest,
        Self::Unauthorized,
        Self::Forbidden,
        Self::CrossSite,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Conflict,
        Self::ConfigurationChanged,
        Self::Locked,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::UnknownHost,
        Self::Invalid,
        Self::TooManyRequests,
        Self::Upstream,
        Self::Unavailable,
        Self::Standby,
        Self::Internal,
    ];

    /// The word, the title and the status.
    fn parts(self) -> (&'static str, &'static str, StatusCode) {
        match self {
            Self::InvalidRequest => {
                ("invalid-request", "The request cannot be read", StatusCode::BAD_REQUEST)
            }
            Self::Unauthorized => ("unauthorized", "A login or a token is needed", StatusCode::UNAUTHORIZED),
            Self::Forbidden => ("forbidden", "The sender may not do this", StatusCode::FORBIDDEN),
            Self::CrossSite => ("cross-site", "Another site sent the request", StatusCode::FORBIDDEN),
            Self::NotFound => ("not-found", "There is no such thing", StatusCode::NOT_FOUND),
            Self::MethodNotAllowed => {
                ("method-not-allowed", "The address takes other methods", StatusCode::METHOD_NOT_ALLOWED)
            }
            Self::Conflict => ("conflict", "It cannot be done as things stand", StatusCode::CONFLICT),
            Self::ConfigurationChanged => (
                "configuration-changed",
                "The configuration has changed since it was read",
                StatusCode::CONFLICT,
            ),
            Self::Locked => ("locked", "The setting cannot be changed here", StatusCode::CONFLICT),
            Self::TooLarge => ("too-large", "The body is too large", StatusCode::PAYLOAD_TOO_LARGE),
            Self::UnsupportedMediaType => (
                "unsupported-media-type",
                "The body has another media type",
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ),
            Self::UnknownHost => {
                ("unknown-host", "Playrelay does not answer to this name", StatusCode::MISDIRECTED_REQUEST)
            }
            Self::Invalid => ("invalid", "The values cannot be taken", StatusCode::UNPROCESSABLE_ENTITY),
            Self::TooManyRequests => {
                ("too-many-requests", "There were too many requests", StatusCode::TOO_MANY_REQUESTS)
            }
            Self::Upstream => ("upstream", "A server or a tracker does not do it", StatusCode::BAD_GATEWAY),
            Self::Unavailable => {
                ("unavailable", "The database cannot be used now", StatusCode::SERVICE_UNAVAILABLE)
            }
            Self::Standby => ("standby", "Another node owns the household", StatusCode::SERVICE_UNAVAILABLE),
            Self::Internal => ("internal", "Playrelay has a fault", StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// The word.
    pub fn as_str(self) -> &'static str {
        self.parts().0
    }

    /// The title: one sentence without a full stop.
    pub fn title(self) -> &'static str {
        self.parts().1
    }

    /// The status.
    pub fn status(self) -> StatusCode {
        self.parts().2
    }
}

/// A place that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProblemPlace {
    /// The key, as the body, the query or the configuration has it; or the file and the line.
    #[schema(example = "server.listen")]
    pub place: String,
    /// What was found there, and what was expected.
    pub text: String,
}

/// Why the configuration cannot be changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct FileProblem {
    /// The difference between the configuration that was read and the one that is there now, line by line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
    /// The text to enter by hand, where the file cannot be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paste: Option<String>,
}

/// Says what is wrong, in the form of RFC 9457 (`application/problem+json`).
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Problem {
    /// An address on this server that says more of the code.
    #[serde(rename = "type")]
    #[schema(example = "/help/problems/not-found")]
    #[schema(value_type = String)]
    kind: Box<str>,
    /// The code in words.
    #[schema(example = "There is no such thing")]
    title: &'static str,
    /// The status of the answer.
    #[schema(example = 404)]
    status: u16,
    /// What happened, one sentence.
    #[schema(example = "there is no event 17")]
    pub detail: String,
    /// The kind of problem.
    pub code: ProblemCode,
    /// What helps; absent where nothing does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub remedy: Option<Box<str>>,
    /// The places that are wrong, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ProblemPlace>,
    /// What helps where the configuration cannot be changed.
    #[serde(flatten)]
    #[schema(inline)]
    pub file: Option<Box<FileProblem>>,
    /// After how many seconds it may be tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u32>,
}

impl Problem {
    /// A problem without places.
    pub fn new(code: ProblemCode, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        let remedy = remedy.into();
        Self {
            kind: format!("/help/problems/{}", code.as_str()).into(),
            title: code.title(),
            status: code.status().as_u16(),
            detail: detail.into(),
            code,
            remedy: (!remedy.is_empty()).then(|| remedy.into()),
            errors: Vec::new(),
            file: None,
            retry_after_s: None,
        }
    }

    /// The same, with what helps where the configuration cannot be changed.
    pub fn with_file(self, file: FileProblem) -> Self {
        Self { file: Some(Box::new(file)), ..self }
    }

    /// There is no such thing.
    pub fn not_found(detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(ProblemCode::NotFound, detail, remedy)
    }

    /// Playrelay has a fault.
    pub fn internal(detail: impl Into<String>) -> Self {
        let detail = detail.into();
        tracing::error!("a request failed: {detail}");
        Self::new(ProblemCode::Internal, detail, "please report it, with the log")
    }

    /// The sender guessed too often.
    pub fn locked(left: Duration) -> Self {
        let seconds = u32::try_from(left.as_secs().max(1)).unwrap_or(u32::MAX);
        Self {
            retry_after_s: Some(seconds),
            ..Self::new(
                ProblemCode::TooManyRequests,
                "too many wrong tokens or passwords",
                format!("wait {seconds} s, or use the token of `playrelay token`"),
            )
        }
    }

    /// A configuration cannot be taken.
    pub fn of_config(problems: &[ConfigError]) -> Self {
        let errors = problems.iter().map(|problem| ProblemPlace {
            place: match &problem.place {
                Location::Nowhere => "configuration".to_owned(),
                place => place.to_string(),
            },
            text: problem.text.clone(),
        });
        let detail = match problems {
            [only] => only.text.clone(),
            several => format!("the configuration would have {} mistakes", several.len()),
        };
        Self { errors: errors.collect(), ..Self::new(ProblemCode::Invalid, detail, "") }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        // Where the database lies is nobody's business outside.
        tracing::error!("a request of the API failed: {error}");
        Self::new(ProblemCode::Unavailable, "the database cannot be used now", "try again; the log says why")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let retry_after = self.retry_after_s;
        let problem = self.clone();
        let mut answer = (self.code.status(), Json(self)).into_response();
        // For the pages, which write it otherwise.
        answer.extensions_mut().insert(problem);
        answer.headers_mut().insert(header::CONTENT_TYPE, MEDIA_TYPE);
        if let Some(seconds) = retry_after {
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        answer
    }
}

/// The problems that every operation may answer with.
#[derive(IntoResponses)]
pub enum Problems {
    /// The path, the query or the body cannot be read.
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(Problem),
    /// The request has no valid token, password or session.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(Problem),
    /// The sender may not do this.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Problem),
    /// There is no such thing.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem),
    /// The address takes other methods.
    #[response(status = 405, content_type = "application/problem+json")]
    MethodNotAllowed(Problem),
    /// It cannot be done as things stand.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Problem),
    /// The body is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem),
    /// The body has another media type than expected.
    #[response(status = 415, content_type = "application/problem+json")]
    UnsupportedMediaType(Problem),
    /// Playrelay does not answer to the name in `Host`.
    #[response(status = 421, content_type = "application/problem+json")]
    UnknownHost(Problem),
    /// The values cannot be taken.
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(Problem),
    /// There were too many requests or guesses.
    #[response(status = 429, content_type = "application/problem+json")]
    TooManyRequests(Problem),
    /// A server or a tracker does not do what was asked.
    #[response(status = 502, content_type = "application/problem+json")]
    Upstream(Problem),
    /// The database cannot be used now.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
}
