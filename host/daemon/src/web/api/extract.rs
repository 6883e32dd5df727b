//! Path, query and body of a request. What cannot be read is answered with a problem, never with plain text.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
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
        let read = axum::Json::<T>::from_request(request, state).await;
        read.map(|axum::Json(value)| Self(value)).map_err(json_problem)
    }
}

/// A body of JSON that may be left out: its default then.
pub struct OptionalJson<T>(pub T);

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for OptionalJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = Bytes::from_request(request, state).await.map_err(body_problem)?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        axum::Json::from_bytes(&bytes).map(|axum::Json(value)| Self(value)).map_err(json_problem)
    }
}

fn json_problem(rejection: JsonRejection) -> Problem {
    let code = match &rejection {
        JsonRejection::MissingJsonContentType(_) => {
            return Problem::new(
                ProblemCode::UnsupportedMediaType,
                "the body is no JSON",
                "send it with `Content-Type: application/json`",
            );
        }
        JsonRejection::JsonDataError(_) => ProblemCode::Invalid,
        JsonRejection::BytesRejection(_) if rejection.status().as_u16() == 413 => return too_large(),
        _ => ProblemCode::InvalidRequest,
    };
    let text = rejection.body_text();
    Problem::new(code, format!("the body cannot be read: {text}"), "see /api/openapi.json")
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
