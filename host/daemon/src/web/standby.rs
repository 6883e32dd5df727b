//! Pages and the API of a node that does not own the household: it takes webhooks, and refuses the rest. A balancer asks
//! `/healthz/owner` where pages and the API are to go.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::watch;

use crate::ownership::Ownership;
use crate::web::api::problem::{Problem, ProblemCode};

/// What those who watch over a node may ask whoever owns the household.
const FOR_MONITORING: [&str; 2] = ["/metrics", "/readyz"];
/// After so many seconds another node may have taken over, or this one.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// `/healthz/owner`: 200 where this node owns the household, else 503.
pub fn router(ownership: watch::Receiver<Ownership>) -> Router {
    Router::new().route("/healthz/owner", get(is_owner)).with_state(ownership)
}

async fn is_owner(State(ownership): State<watch::Receiver<Ownership>>) -> Response {
    match *ownership.borrow() {
        Ownership::Owner(_) => "ok\n".into_response(),
        Ownership::Standby { .. } => (StatusCode::SERVICE_UNAVAILABLE, "standby\n").into_response(),
    }
}

/// Refuses what only the owner can answer, unless this node is the owner.
pub async fn refuse(
    State(ownership): State<watch::Receiver<Ownership>>,
    request: Request,
    next: Next,
) -> Response {
    let is_owner = matches!(*ownership.borrow(), Ownership::Owner(_));
    let path = request.uri().path();
    if is_owner || FOR_MONITORING.contains(&path) {
        return next.run(request).await;
    }
    let (detail, remedy) = (
        "this node stands by: another one owns the household",
        "send it to the node whose /healthz/owner answers 200, or try again in some seconds",
    );
    let mut answer = match path.starts_with("/api") {
        true => Problem::new(ProblemCode::Standby, detail, remedy).into_response(),
        false => (StatusCode::SERVICE_UNAVAILABLE, format!("{detail}; {remedy}\n")).into_response(),
    };
    answer.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    answer
}
