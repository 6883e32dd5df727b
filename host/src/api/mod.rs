//! `/api/v1`: what other programs ask for.
//!
//! It tells who watches what. Without `admin_password` of `[server]` it answers programs of this machine only: the connection
//! comes from here, and neither a proxy's headers nor the name of another host say otherwise. A proxy on this machine that says
//! nothing of itself cannot be told from them, so whoever runs one sets the password. It comes as a bearer token, or as the
//! password of basic authentication with any name.

mod artwork;
mod logins;
mod outbox;
mod sources;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use subtle::ConstantTimeEq;

use crate::artwork::Artwork;
use crate::board::Board;
use crate::clock;
use crate::guard::Guard;
use crate::secret::Secret;
use crate::state::SharedStore;
pub use logins::LoginDesk;
pub use sources::Standings;

/// Headers that proxies add.
const FORWARDED: [&str; 4] = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];

/// What the endpoints share.
pub struct Api {
    /// What plays now.
    pub board: Arc<Board>,
    /// What opens the API to others than this machine.
    pub password: Option<Secret>,
    /// Accounts and their logins.
    pub logins: LoginDesk,
    /// Pictures, where there is a catalogue.
    pub artwork: Option<Artwork>,
    /// What must not be forgotten.
    pub store: SharedStore,
    /// How the connections stand.
    pub standings: Standings,
    /// Slows down those who guess the password.
    pub guard: Guard,
}

impl Api {
    /// The routes.
    pub fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route("/api/v1/currently-watching", get(currently_watching))
            .route("/api/v1/accounts", get(logins::list))
            .route(
                "/api/v1/accounts/{name}/login",
                get(logins::state).post(logins::begin).delete(logins::end),
            )
            .route("/api/v1/accounts/{name}/login/choice", post(logins::choose))
            .route("/api/v1/artwork/{kind}", get(artwork::picture))
            .route("/api/v1/sources", get(sources::list))
            .route("/api/v1/outbox", get(outbox::list))
            .route("/api/v1/outbox/{id}/{command}", post(outbox::command))
            .layer(middleware::from_fn_with_state(Arc::clone(&self), admit))
            .with_state(self)
    }

    fn admits(&self, client: SocketAddr, headers: &HeaderMap) -> bool {
        match &self.password {
            Some(password) => given(headers)
                .is_some_and(|given| bool::from(password.expose().as_bytes().ct_eq(given.as_bytes()))),
            None => {
                client.ip().is_loopback()
                    && !FORWARDED.iter().any(|name| headers.contains_key(*name))
                    && is_for_this_machine(headers)
            }
        }
    }
}

/// Whether a request asks for this machine by a name that cannot be another's: a page in a browser here may have its own name
/// point here.
fn is_for_this_machine(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}

async fn admit(
    State(api): State<Arc<Api>>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    if !is_ours(&request) {
        return complaint(StatusCode::FORBIDDEN, "a page of another site may not change anything here");
    }
    if api.admits(client, request.headers()) {
        return next.run(request).await;
    }
    match api.password {
        Some(_) if given(request.headers()).is_some() && !api.guard.may_fail(client.ip()) => {
            let text = "too many wrong passwords; wait a minute\n";
            (StatusCode::TOO_MANY_REQUESTS, text).into_response()
        }
        Some(_) => {
            if given(request.headers()).is_some() {
                tracing::warn!(client = %client.ip(), "the API was refused: the password is wrong");
            }
            let text = "send `admin_password` of [server] as a bearer token, or as the password of basic authentication\n";
            (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Basic realm=\"Playrelay\"")], text)
                .into_response()
        }
        None => {
            let text =
                "the API answers this machine only; set `admin_password` in [server] to open it to others\n";
            (StatusCode::FORBIDDEN, text).into_response()
        }
    }
}

/// A browser says of a page's request that changes something where the page is from: another site's is refused.
fn is_ours(request: &Request) -> bool {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let Some(origin) = header(header::ORIGIN).filter(|_| !request.method().is_safe()) else { return true };
    let from = origin.split_once("://").map_or(origin, |(_, host)| host);
    header(header::HOST) == Some(from)
}

/// An answer that says what is wrong.
fn complaint(status: StatusCode, text: impl Into<String>) -> Response {
    (status, Json(json!({ "error": text.into() }))).into_response()
}

/// The password that came along.
fn given(headers: &HeaderMap) -> Option<String> {
    use base64::Engine;
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    if let Some(token) = value.strip_prefix("Bearer ") {
        return Some(token.trim().to_owned());
    }
    let encoded = value.strip_prefix("Basic ")?.trim();
    let decoded = base64::engine::general_purpose::STANDARD.decode(encoded).ok()?;
    String::from_utf8(decoded).ok()?.split_once(':').map(|(_, password)| password.to_owned())
}

/// What plays now: all streams, and the one that a display with room for one would show.
async fn currently_watching(State(api): State<Arc<Api>>) -> Json<Value> {
    let streams = api.board.watching().streams;
    let mut rows: Vec<(bool, i64, Value)> = Vec::new();
    for (key, stream) in &streams {
        let mut row = json!(stream);
        row["_key"] = json!(key);
        rows.push((stream.state == "playing", stream.updated, row));
    }
    rows.sort_by_key(|(playing, updated, _)| std::cmp::Reverse((*playing, *updated)));
    let rows: Vec<Value> = rows.into_iter().map(|(_, _, row)| row).collect();
    Json(json!({
        "ok": true, "currently_watching": rows.first(), "streams_count": rows.len(),
        "ts": clock::now().as_second(), "streams": rows,
    }))
}
