//! `/api/v1`: what other programs ask for.
//!
//! It tells who watches what, so it always asks for a secret: the token in `<data_dir>/admin.token`, or `admin_password` of
//! `[server]`. Either comes as a bearer token, or as the password of basic authentication with any name. No address is trusted for
//! being near. Whoever guesses passwords is locked out before they are compared; the token is too long to be guessed and always opens.

mod access;
mod artwork;
mod context;
mod currently_watching;
mod error;
mod logins;
mod outbox;
mod sources;
pub mod token;

use std::sync::Arc;

use axum::http::{StatusCode, Uri};
use axum::response::Response;
use axum::routing::{any, get, post};
use axum::{Router, middleware};
pub use context::Api;
use error::error_response;

/// The routes. What is asked for below `/api` and is not there is said only to those who may ask.
pub fn router(api: Arc<Api>) -> Router {
    Router::new()
        .route("/api/v1/currently-watching", get(currently_watching::list))
        .route("/api/v1/accounts", get(logins::list))
        .route("/api/v1/accounts/{name}/login", get(logins::state).post(logins::begin).delete(logins::end))
        .route("/api/v1/accounts/{name}/login/choice", post(logins::choose))
        .route("/api/v1/artwork/{kind}", get(artwork::picture))
        .route("/api/v1/sources", get(sources::list))
        .route("/api/v1/outbox", get(outbox::list))
        .route("/api/v1/outbox/{id}/{command}", post(outbox::command))
        .route("/api", any(unknown))
        .route("/api/{*rest}", any(unknown))
        .layer(middleware::from_fn_with_state(Arc::clone(&api), access::require_admin))
        .with_state(api)
}

/// Answers requests for unknown addresses.
async fn unknown(uri: Uri) -> Response {
    error_response(StatusCode::NOT_FOUND, format!("{:?} is not an address of the API", uri.path()))
}
