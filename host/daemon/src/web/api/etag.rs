//! `ETag` for whoever asks again and again: an answer that is as it was is not sent once more.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::web::access::random;
use crate::web::api::problem::Problem;

/// Bytes of an answer that is looked at; larger ones have no tag.
const MAX_BYTES: usize = 4 << 20;
/// An answer may be kept, and has to be asked for again.
const CACHE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// Tags answers of JSON, and answers 304 where the sender has the same already.
pub(super) async fn tag(request: Request, next: Next) -> Response {
    let is_read = request.method() == Method::GET;
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    let answer = next.run(request).await;
    if !is_read || answer.status() != StatusCode::OK || !is_json(answer.headers()) {
        return answer;
    }
    let (mut parts, body) = answer.into_parts();
    let Ok(bytes) = to_bytes(body, MAX_BYTES).await else {
        return Problem::internal("the answer is too large").into_response();
    };
    let tag = format!("\"{}\"", random::id(&random::hash_bytes(&bytes)));
    let Ok(value) = HeaderValue::from_str(&tag) else {
        return Response::from_parts(parts, Body::from(bytes));
    };
    parts.headers.insert(header::ETAG, value);
    parts.headers.insert(header::CACHE_CONTROL, CACHE);
    if known.is_some_and(|known| matches(&known, &tag)) {
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.headers.remove(header::CONTENT_TYPE);
        parts.status = StatusCode::NOT_MODIFIED;
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.is_some_and(|value| value.starts_with("application/json"))
}

/// Whether `If-None-Match` names a tag. A proxy may have made it a weak one.
fn matches(known: &HeaderValue, tag: &str) -> bool {
    let Ok(known) = known.to_str() else { return false };
    known
        .split(',')
        .map(|known| known.trim().trim_start_matches("W/"))
        .any(|known| known == tag || known == "*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_compared_as_they_may_come() {
        let matches = |known: &'static str| matches(&HeaderValue::from_static(known), "\"a\"");
        assert!(matches("\"a\"") && matches("W/\"a\"") && matches("\"b\", \"a\"") && matches("*"));
        assert!(!matches("\"b\"") && !matches("a"));
    }
}
