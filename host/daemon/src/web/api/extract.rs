//! Path, query and body of a request. What cannot be read is answered with a problem, never with plain text.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::web::api::problem::{Problem, ProblemCode};

/// Bytes of a body.
pub const MAX_BODY: usize = 1 << 20;

/// The variables of a path.
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        read.map(|axum::extract::Path(value)| Self(value)).map_err(|rejection: PathRejection| {
            Problem::new(
                ProblemCode::InvalidRequest,
                format!("the path cannot be read: {}", rejection.body_text()),
                "see /api/openapi.json",
            )
        })
    }
}

/// The query of an address.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        read.map(|axum::extract::Query(value)| Self(value)).map_err(|rejection: QueryRejection| {
            Problem::new(
                ProblemCode::InvalidRequest,
                format!("the query cannot be read: {}", rejection.body_text()),
                "see /api/openapi.json",
            )
        })
    }
}

/// A body of JSON.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let is_json = has_json_type(&request);
        let bytes = Bytes::from_request(request, state).await.map_err(body_problem)?;
        if !is_json {
            return Err(Problem::new(
                ProblemCode::UnsupportedMediaType,
                "the body is no JSON",
                "send it with `Content-Type: application/json`",
            ));
        }
        from_bytes(&bytes).map(Self)
    }
}

/// A body of JSON that may be left out: its default then.
pub struct OptionalJson<T>(pub T);

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for OptionalJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = Bytes::from_request(request, state).await.map_err(body_problem)?;
        if bytes.is_empty() || bytes.trim_ascii() == b"null" {
            return Ok(Self(T::default()));
        }
        from_bytes(&bytes).map(Self)
    }
}

fn has_json_type(request: &Request) -> bool {
    let value = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = value.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json") || media_type.to_ascii_lowercase().ends_with("+json")
}

/// Reads an object. A list would be taken for one whose fields have no names.
fn from_bytes<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let remedy = "see /api/openapi.json";
    if !bytes.trim_ascii_start().starts_with(b"{") {
        let detail = "the body is no object of JSON";
        return Err(Problem::new(ProblemCode::InvalidRequest, detail, remedy));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let code = if error.is_data() { ProblemCode::Invalid } else { ProblemCode::InvalidRequest };
        Problem::new(code, format!("the body cannot be read: {error}"), remedy)
    })
}

fn body_problem(rejection: BytesRejection) -> Problem {
    if rejection.status().as_u16() == 413 {
        return too_large();
    }
    let text = rejection.body_text();
    Problem::new(ProblemCode::InvalidRequest, format!("the body cannot be read: {text}"), "send it again")
}

fn too_large() -> Problem {
    let detail = format!("the body has more than {MAX_BODY} bytes");
    Problem::new(ProblemCode::TooLarge, detail, "send less at once")
}
