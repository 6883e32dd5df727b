//! What every request goes through: the log, faults, required headers, the login, the limit of one write a second.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use jiff::SignedDuration;
use serde_json::Value;

use super::{CLIENT_ID, Call, Shared};
use crate::faults::Fault;
use crate::server::Cut;

/// Lets a request in, or not.
pub async fn gate(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let cut = request.extensions().get::<Cut>().expect("the server puts it there").clone();
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, 1 << 20).await.unwrap_or_default();
    let path = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let index = log(&shared, &parts.method, &path, &bytes);
    let fault = shared.faults.take(&path);
    match &fault {
        Some(Fault::CutBefore) => cut.now().await,
        Some(Fault::Slow(delay)) => tokio::time::sleep(*delay).await,
        _ => {}
    }
    let response = match fault
        .as_ref()
        .and_then(Fault::answer)
        .or_else(|| refusal(&shared, &parts.headers, &parts.method, &path))
    {
        Some(response) => response,
        None => next.run(Request::from_parts(parts, Body::from(bytes))).await,
    };
    if matches!(fault, Some(Fault::CutAfter)) {
        shared.touch();
        cut.now().await;
    }
    shared.world().calls[index].status = response.status().as_u16();
    shared.touch();
    response
}

fn log(shared: &Shared, method: &Method, path: &str, body: &Bytes) -> usize {
    let body = serde_json::from_slice(body).unwrap_or(Value::Null);
    let call =
        Call { at: shared.clock.now(), method: method.to_string(), path: path.to_owned(), body, status: 0 };
    let mut world = shared.world();
    world.calls.push(call);
    world.calls.len() - 1
}

fn refusal(shared: &Shared, headers: &HeaderMap, method: &Method, path: &str) -> Option<Response> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if header("user-agent").is_empty() {
        return Some((StatusCode::FORBIDDEN, "error code: 1010").into_response());
    }
    if *method != Method::GET && !header("content-type").starts_with("application/json") {
        return Some(StatusCode::PRECONDITION_FAILED.into_response());
    }
    if path.starts_with("/oauth/") {
        return None;
    }
    if header("trakt-api-key") != CLIENT_ID || header("trakt-api-version") != "2" {
        return Some(StatusCode::FORBIDDEN.into_response());
    }
    let mut world = shared.world();
    let token = header("authorization").strip_prefix("Bearer ").unwrap_or_default();
    if world.logins.access.as_deref() != Some(token) {
        return Some(StatusCode::UNAUTHORIZED.into_response());
    }
    if *method == Method::GET {
        return None;
    }
    let now = jiff::Timestamp::now();
    // A network is not a metronome: what was sent a second apart may arrive a little closer.
    let too_soon =
        world.last_write.is_some_and(|last| now.duration_since(last) < SignedDuration::from_millis(900));
    if too_soon {
        return Some((StatusCode::TOO_MANY_REQUESTS, [("retry-after", "1")]).into_response());
    }
    world.last_write = Some(now);
    None
}
