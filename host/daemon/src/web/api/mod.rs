//! `/api/v1`: what other programs ask for.
//!
//! It tells who watches what, so it always asks for a secret: the token in `<data_dir>/admin.token`, or `admin_password` of
//! `[server]`. Either comes as a bearer token, or as the password of basic authentication with any name. No address is trusted for
//! being near. Whoever guesses passwords is locked out before they are compared; the token is too long to be guessed and always opens.

mod artwork;
mod logins;
mod outbox;
mod sources;
pub mod token;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use playrelay_store::SharedStore;
use playrelay_util::clock;
use playrelay_util::secret::Secret;
use serde_json::{Value, json};
pub use sources::ConnectionRegistry;
use subtle::ConstantTimeEq;
use url::Url;

use crate::auth::pending::PendingLogins;
use crate::exports::now_playing::NowPlaying;
use crate::metadata::artwork::Artwork;
use crate::web::attempt_limiter::AttemptLimiter;
use crate::web::ingress::credentials;

/// What the endpoints share.
pub struct Api {
    /// What plays now.
    pub board: Arc<NowPlaying>,
    /// What always opens the API.
    pub token: Secret,
    /// What opens it too, where it is set.
    pub password: Option<Secret>,
    /// The address at which browsers reach us, where it is set: pages from there are ours.
    pub public_url: Option<String>,
    /// Accounts and their logins.
    pub logins: PendingLogins,
    /// Pictures, where there is a catalogue.
    pub artwork: Option<Artwork>,
    /// What must not be forgotten.
    pub store: SharedStore,
    /// How the connections stand.
    pub connections: ConnectionRegistry,
    /// Slows down those who guess the password.
    pub attempt_limiter: AttemptLimiter,
}

impl Api {
    /// The routes. What is asked for below `/api` and is not there is said only to those who may ask.
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
            .route("/api", any(unknown))
            .route("/api/{*rest}", any(unknown))
            .layer(middleware::from_fn_with_state(Arc::clone(&self), require_admin))
            .with_state(self)
    }

    /// Whether a request carries what opens the API.
    fn check(&self, client: IpAddr, headers: &HeaderMap) -> Result<(), Refused> {
        let given = presented_password(headers).ok_or(Refused::Missing)?;
        let is = |secret: &Secret| bool::from(secret.expose().as_bytes().ct_eq(given.as_bytes()));
        if is(&self.token) {
            return Ok(());
        }
        if let Some(left) = self.attempt_limiter.locked(client) {
            return Err(Refused::Locked(left));
        }
        if self.password.as_ref().is_some_and(is) {
            return Ok(());
        }
        tracing::warn!(%client, "the API was refused: the token or password is wrong");
        Err(self.attempt_limiter.failed(client).map_or(Refused::Wrong, Refused::Locked))
    }

    /// A browser says of a page's request that changes something where the page is from: another site's is refused.
    fn is_same_origin(&self, request: &Request) -> bool {
        if request.method().is_safe() {
            return true;
        }
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        if header("sec-fetch-site").is_some_and(|site| site.eq_ignore_ascii_case("cross-site")) {
            return false;
        }
        let Some(origin) = header(header::ORIGIN.as_str()) else { return true };
        let from = origin.split_once("://").map_or(origin, |(_, host)| host);
        let is_public = self.public_url.as_ref().is_some_and(|url| {
            Url::parse(url).is_ok_and(|url| url.origin().ascii_serialization().eq_ignore_ascii_case(origin))
        });
        is_public || header(header::HOST.as_str()).is_some_and(|host| host.eq_ignore_ascii_case(from))
    }
}

/// Why a request does not get in.
enum Refused {
    /// It carries nothing.
    Missing,
    /// What it carries is wrong.
    Wrong,
    /// Its client was wrong too often; nothing was compared.
    Locked(Duration),
}

async fn require_admin(
    State(api): State<Arc<Api>>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    if !api.is_same_origin(&request) {
        let text = "a page of another site may not change anything here; set `public_url` in [server] where a proxy \
                    changes the name of the host";
        return error_response(StatusCode::FORBIDDEN, text);
    }
    match api.check(client.ip(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(Refused::Locked(left)) => {
            let text = "too many wrong tokens or passwords from this address; wait, or use the token of `playrelay token`";
            let mut answer = error_response(StatusCode::TOO_MANY_REQUESTS, text);
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(left.as_secs().max(1)));
            answer
        }
        Err(Refused::Missing | Refused::Wrong) => {
            let text = "send the token that `playrelay token` shows, or `admin_password` of [server], as a bearer token or as \
                        the password of basic authentication";
            let mut answer = error_response(StatusCode::UNAUTHORIZED, text);
            let challenge = HeaderValue::from_static("Basic realm=\"Playrelay\"");
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            answer
        }
    }
}

/// What is not there.
async fn unknown(uri: Uri) -> Response {
    error_response(StatusCode::NOT_FOUND, format!("{:?} is not an address of the API", uri.path()))
}

/// An answer that says what is wrong.
fn error_response(status: StatusCode, text: impl Into<String>) -> Response {
    (status, Json(json!({ "error": text.into() }))).into_response()
}

/// The token or password that came along.
fn presented_password(headers: &HeaderMap) -> Option<String> {
    use base64::Engine;
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    if let Some(token) = credentials(value, "bearer") {
        return Some(token.trim().to_owned());
    }
    let encoded = credentials(value, "basic")?.trim();
    let decoded = base64::engine::general_purpose::STANDARD.decode(encoded).ok()?;
    String::from_utf8(decoded).ok()?.split_once(':').map(|(_, password)| password.to_owned())
}

/// What plays now: all streams, and the one that a display with room for one would show.
async fn currently_watching(State(api): State<Arc<Api>>) -> Json<Value> {
    let streams = api.board.entries().streams;
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
