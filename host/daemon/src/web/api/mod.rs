//! `/api/v1`: what pages and other programs ask for, and `/api/openapi.json`, which describes it.
//!
//! Each file holds the endpoints of one thing. `endpoints` lists them; the table in [`permissions`](crate::web::access::permissions) says
//! who may call each. What is asked for below `/api` and is not there is said only to those who may ask.

#![allow(
    unused_qualifications,
    reason = "the macro that describes an endpoint qualifies the types of its arguments"
)]

mod accounts;
mod artwork;
mod backup;
mod catch_up;
mod context;
mod currently_watching;
mod docs_page;
mod doctor;
mod download;
mod endpoints;
mod etag;
mod events;
pub(in crate::web) mod extract;
mod idempotency;
mod jobs;
mod live;
mod logs;
mod mappings;
mod members;
mod monitoring;
mod notifications;
mod oidc;
mod openapi;
mod outbox;
mod paging;
mod people;
pub(in crate::web) mod play_cursor;
mod plays;
mod plugins;
pub mod problem;
mod replay;
mod routes;
mod sessions;
pub(in crate::web) mod settings;
mod setup;
mod sources;
mod status;
mod title;
pub mod token;
mod tokens;
mod users;
mod webhooks;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::http::{Method, Uri};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::{any, get};
use axum::{Json, Router};
pub use context::{Api, ApiLimits};
use endpoints::endpoints;
pub(in crate::web) use events::bundle_of as event_bundle;
use extract::MAX_BODY;
pub(in crate::web) use logs::log;
pub use openapi::document;
pub(in crate::web) use outbox::publish as publish_delivery;
use problem::{Problem, ProblemCode};
pub(in crate::web) use replay::problem as replay_problem;
pub(in crate::web) use sessions::session_problem;
pub(in crate::web) use setup::add_first_member;
use tower_http::csrf::{CsrfLayer, ProtectionError};
use url::Url;

use crate::operations::OperationError;
use crate::web::access::guard::authorize;

/// The routes, behind the guard.
pub fn router(api: Arc<Api>) -> Router {
    let (routes, _) = endpoints().split_for_parts();
    let routes = routes
        .layer(from_fn(etag::tag))
        .route("/api/openapi.json", get(async || Json(document())))
        .route("/api/docs", get(docs_page::operations))
        .route("/api/docs.css", get(docs_page::style))
        .route("/help/problems/{code}", get(docs_page::problem))
        .route("/metrics", get(monitoring::metrics))
        .route("/readyz", get(monitoring::ready))
        .route("/api", any(unknown))
        .route("/api/{*rest}", any(unknown));
    guarded(routes, &api).with_state(api)
}

/// Routes behind the guard: the sender may do what the table says, and is no page of another site.
pub(in crate::web) fn guarded(routes: Router<Arc<Api>>, api: &Arc<Api>) -> Router<Arc<Api>> {
    let mut cross_site = CsrfLayer::new().with_rejection_response(refuse_cross_site);
    if let Some(origin) = api.app().config.server.public_url.as_deref().and_then(origin) {
        // The address was checked when the configuration was read.
        cross_site = match cross_site.clone().add_trusted_origin(&origin) {
            Ok(layer) => layer,
            Err(error) => {
                tracing::warn!(origin, "pages at `public_url` are not known as ours: {error}");
                cross_site
            }
        };
    }
    routes
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(Arc::clone(&api.access), authorize))
        .layer(cross_site)
}

/// The origin of an address: its scheme, name and port.
fn origin(url: &str) -> Option<String> {
    Some(Url::parse(url).ok()?.origin().ascii_serialization())
}

fn refuse_cross_site(_: ProtectionError) -> axum::response::Response {
    Problem::new(
        ProblemCode::CrossSite,
        "a page of another site may not change anything here",
        "set `public_url` in [server] to the address in your browser where a proxy changes the name of the host, or have the proxy pass \
         `Host` on",
    )
    .into_response()
}

/// Answers requests for unknown addresses.
async fn unknown(uri: Uri) -> Problem {
    let detail = format!("{:?} is not an address of the API", uri.path());
    Problem::not_found(detail, "see /api/openapi.json")
}

/// Answers requests with a method that an address does not take.
async fn wrong_method(method: Method, uri: Uri) -> Problem {
    let detail = format!("{:?} does not take {method}", uri.path());
    Problem::new(ProblemCode::MethodNotAllowed, detail, "see /api/openapi.json")
}

impl From<OperationError> for Problem {
    fn from(error: OperationError) -> Self {
        match error {
            OperationError::NotFound(text) => Self::not_found(text, ""),
            OperationError::Conflict(text) => Self::new(ProblemCode::Conflict, text, ""),
            OperationError::Invalid(text) => Self::new(ProblemCode::Invalid, text, ""),
            OperationError::Upstream(text) => Self::new(ProblemCode::Upstream, text, ""),
            OperationError::Store(error) => error.into(),
            OperationError::App(error) => Self::internal(error.to_string()),
        }
    }
}
