//! A SIMKL that behaves as its documentation and its users say (api.simkl.org): parameters in every query, two kinds of apps, one
//! access token at a time, one write a second, requests by the day of New York, answers with ids as text, a history to which a
//! watch is added once, removals that take everything.
//!
//! Known lies:
//! - a show is on the list `watching` from its first episode on, and never `completed`;
//! - the lock of 20 s over a user's writes is a second;
//! - every resume point has the same id, and none ends by itself.

mod matching;
mod scrobble;
mod sync;
mod world;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use world::{Shared, World, failure};

use crate::catalogue::Entry;
use crate::device_login::{DeviceLogins, LoginBehaviour};
use crate::fake_trakt::Approval;
use crate::server::Server;
use crate::service::{RequestCheck, Service, header, parameter, read, service_of};
use crate::user_library::Library;
use crate::{catalogue, service};

/// The client id of an app that is new enough for OAuth 2.
pub const CLIENT_ID: &str = "simkl-client-0123456789abcdef";
/// The client id of an app of the first kind.
pub const OLD_CLIENT_ID: &str = "simkl-old-client-0123456789";
/// How SIMKL logs in.
const LOGIN: LoginBehaviour = LoginBehaviour {
    prefix: "simkl_",
    code_life: 900,
    life: 604_800,
    scope: "media:read media:write",
    tells_denial: false,
    repeats_refresh_token: true,
};

/// A running SIMKL.
pub struct FakeSimkl {
    shared: Shared,
    /// The HTTP server.
    pub server: Server,
}

service_of!(FakeSimkl);

impl FakeSimkl {
    /// Starts one that knows the titles of the catalogue.
    pub async fn start() -> Self {
        let shared = Service::new(World {
            catalogue: catalogue::sample_titles(),
            library: Library::default(),
            logins: DeviceLogins::new(LOGIN),
            pin_polls: 0,
            last_progress: None,
            counts_rewatches: false,
            last_write: None,
            allowed: None,
            used: 0,
            most_in_a_day: 0,
            day: String::new(),
            too_fast: 0,
        });
        let router = Router::new()
            .route("/oauth2/device", post(device))
            .route("/oauth2/token", post(token))
            .route("/oauth2/revoke", post(revoke))
            .route("/oauth/pin", get(pin))
            .route("/oauth/pin/{code}", get(pin_poll))
            .route("/users/settings", post(settings))
            .route("/scrobble/{verb}", post(scrobble::scrobble))
            .route("/sync/history", post(sync::add))
            .route("/sync/history/remove", post(sync::remove))
            .route("/sync/ratings", post(sync::rate))
            .route("/sync/ratings/remove", post(sync::unrate))
            .route("/sync/ratings/{kind}", get(sync::all_ratings))
            .route("/sync/ratings/{kind}/{ratings}", get(sync::ratings))
            .route("/sync/playback/{id}", delete(sync::forget_pause))
            .route("/sync/add-to-list", post(sync::plan))
            .route("/sync/watched", post(sync::watched))
            .route("/sync/activities", get(sync::activities))
            .route("/sync/all-items/{kind}/plantowatch", get(sync::planned))
            .layer(axum::middleware::from_fn_with_state(shared.clone(), service::middleware::<World>))
            .with_state(shared.clone());
        let server = Server::of("simkl", router).await;
        shared.set_url(server.url());
        Self { shared, server }
    }

    /// Adds a title to the catalogue.
    pub fn add(&self, entry: Entry) {
        self.shared.world().catalogue.push(entry);
    }

    /// What was received as `VERB /path STATUS`, without logins and checks.
    pub fn story(&self) -> Vec<String> {
        self.shared.request_log(&["/scrobble", "/sync"])
    }

    /// What the user keeps there.
    pub fn library(&self) -> Library {
        self.shared.world().library.clone()
    }

    /// Changes what the user keeps there.
    pub fn change(&self, change: impl FnOnce(&mut Library)) {
        change(&mut self.shared.world().library);
    }

    /// What users do at the page that asks for a code, and what they allow, where it is not all.
    pub fn approve_logins(&self, approval: Approval, scope: Option<&str>) {
        let mut world = self.shared.world();
        world.logins.approval = approval;
        world.logins.scope = scope.map(str::to_owned);
    }

    /// Makes the account one whose second watches count.
    pub fn be_pro(&self) {
        self.shared.world().counts_rewatches = true;
    }

    /// Makes the access token invalid; with `all`, the login.
    pub fn expire(&self, all: bool) {
        let mut world = self.shared.world();
        world.logins.access = None;
        if all {
            world.logins.refresh = None;
        }
    }

    /// Whether somebody is logged in.
    pub fn is_logged_in(&self) -> bool {
        self.shared.world().logins.access.is_some()
    }

    /// All tokens that were ever given out.
    pub fn tokens(&self) -> Vec<String> {
        self.shared.world().logins.given.clone()
    }

    /// How often a login was refreshed.
    pub fn refreshes(&self) -> u32 {
        self.shared.world().logins.refreshes
    }

    /// Allows so many requests a day, and says so.
    pub fn allow(&self, requests: u32) {
        self.shared.world().allowed = Some(requests);
    }

    /// The most requests that a day has seen, and the writes that came too fast.
    pub fn load(&self) -> (u32, u32) {
        let world = self.shared.world();
        (world.most_in_a_day, world.too_fast)
    }
}

impl RequestCheck for World {
    fn check(&mut self, request: &Parts, now: Timestamp) -> Option<Response> {
        let path = request.uri.path();
        if path.starts_with("/oauth") {
            return None;
        }
        let named = ["app-name", "app-version"].iter().all(|name| !parameter(request, name).is_empty());
        if !named || header(request, "user-agent").is_empty() {
            return Some(StatusCode::NOT_FOUND.into_response());
        }
        if ![CLIENT_ID, OLD_CLIENT_ID].contains(&parameter(request, "client_id").as_str()) {
            return Some(failure(412, "client_id_failed"));
        }
        let token = header(request, "authorization").strip_prefix("Bearer ").unwrap_or_default();
        if self.logins.access.as_deref() != Some(token) {
            return Some(failure(401, "invalid_token"));
        }
        let day = day_in_new_york(now);
        if day != self.day {
            self.day = day;
            self.used = 0;
        }
        if self.allowed.is_some_and(|allowed| self.used >= allowed) {
            return Some(failure(429, "user_limit_exceeded"));
        }
        self.used += 1;
        self.most_in_a_day = self.most_in_a_day.max(self.used);
        if request.method == Method::GET {
            return None;
        }
        // A network is not a metronome: what was sent a second apart may arrive a little closer.
        let too_soon =
            self.last_write.is_some_and(|last| now.duration_since(last) < SignedDuration::from_millis(900));
        if too_soon {
            self.too_fast += 1;
            return Some(failure(429, "rate_limit"));
        }
        self.last_write = Some(now);
        None
    }

    fn add_headers(&mut self, response: &mut Response, _now: Timestamp) {
        if let Some(allowed) = self.allowed {
            let left = allowed.saturating_sub(self.used);
            for (name, value) in [("x-ratelimit-limit", allowed), ("x-ratelimit-remaining", left)] {
                response.headers_mut().insert(name, HeaderValue::from(value));
            }
        }
    }
}

fn day_in_new_york(now: Timestamp) -> String {
    let zone = jiff::tz::TimeZone::posix("EST5EDT,M3.2.0,M11.1.0").expect("a zone");
    now.to_zoned(zone).date().to_string()
}

fn is_old(client: &Value) -> bool {
    client == OLD_CLIENT_ID
}

async fn device(State(shared): State<Shared>, body: Bytes) -> Response {
    let form = read(&body);
    if is_old(&form["client_id"]) {
        let body = json!({ "error": "invalid_client",
            "error_description": "This client_id is not enabled for OAuth 2.0" });
        return (StatusCode::UNAUTHORIZED, Json(body)).into_response();
    }
    if form["client_id"] != CLIENT_ID {
        return (StatusCode::UNAUTHORIZED, Json(json!({ "error": "invalid_client" }))).into_response();
    }
    let page = format!("{}/pin", shared.own_url());
    let now = shared.clock.now();
    let mut world = shared.world();
    if form["scope"] != LOGIN.scope {
        world.logins.scope = Some("media:read".to_owned());
    }
    world.logins.code(&page, now)
}

async fn token(State(shared): State<Shared>, body: Bytes) -> Response {
    let now = shared.clock.now();
    shared.world().logins.token(&read(&body), now)
}

async fn revoke(State(shared): State<Shared>, body: Bytes) -> Response {
    if is_old(&read(&body)["client_id"]) {
        return (StatusCode::UNAUTHORIZED, Json(json!({ "error": "invalid_client" }))).into_response();
    }
    shared.world().logins.revoke(&read(&body))
}

/// The first kind of login.
async fn pin(State(shared): State<Shared>, request: axum::extract::Request) -> Response {
    let (parts, _) = request.into_parts();
    match parameter(&parts, "client_id").as_str() {
        CLIENT_ID => failure(400, "unauthorized_client"),
        OLD_CLIENT_ID => {
            shared.world().pin_polls = 0;
            Json(json!({
                "result": "OK", "device_code": "DEVICE_CODE", "user_code": "ABCDE",
                "verification_url": format!("{}/pin", shared.own_url()), "expires_in": 900, "interval": 1,
            }))
            .into_response()
        }
        _ => failure(412, "client_id_failed"),
    }
}

async fn pin_poll(State(shared): State<Shared>, Path(code): Path<String>) -> Response {
    let mut world = shared.world();
    world.pin_polls += 1;
    let granted = match world.logins.approval {
        Approval::AtOnce => true,
        Approval::After(polls) => world.pin_polls > polls,
        Approval::Denied | Approval::Never => false,
    };
    if code != "ABCDE" || !granted {
        return Json(json!({ "result": "KO", "message": "Authorization pending" })).into_response();
    }
    let access = format!("{:064x}", 0x5eed + world.logins.given.len());
    world.logins.given.push(access.clone());
    world.logins.access = Some(access.clone());
    Json(json!({ "result": "OK", "access_token": access })).into_response()
}

async fn settings() -> Response {
    Json(json!({ "user": { "name": "sean" }, "account": { "id": 1, "type": "free" } })).into_response()
}
