//! An MDBList that behaves as its documentation and its users say (github.com/linaspurinis/api.mdblist.com): a key or a login,
//! requests by the day of UTC, nested bodies, ids spelt in two ways, a start that counts as a watch, plays that are added each time.
//!
//! Known lies:
//! - a session has one id, whatever is watched, and does not end by itself;
//! - the history comes in one page;
//! - batches have no limit.

mod lists;
mod world;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::{SignedDuration, Timestamp};
use lists::{list, listed, rate, unrate};
use serde_json::{Value, json};
use world::{Shared, World};

use crate::catalogue::{Entry, is_named, shares_id};
use crate::device_login::{DeviceLogins, LoginBehaviour};
use crate::fake_trakt::Approval;
use crate::server::Server;
use crate::service::{RequestCheck, Service, header, parameter, read, service_of};
use crate::user_library::Library;
use crate::{catalogue, service};

/// The key of the account.
pub const API_KEY: &str = "mdblist-api-key-0123456789";
/// The client id of an app.
pub const CLIENT_ID: &str = "mdblist-client-0123456789";
/// How MDBList logs in.
const LOGIN: LoginBehaviour = LoginBehaviour {
    prefix: "mdblist_",
    code_life: 300,
    life: 2_592_000,
    scope: "read write",
    tells_denial: true,
    repeats_refresh_token: false,
};
/// From here on a stop is a watch, and a start too. Percent.
const WATCHED_PERCENT: f64 = 80.0;
/// Writes and reads that may be sent within five minutes.
const MAX_IN_WINDOW: [usize; 2] = [300, 1_000];
/// The span of these limits.
const RATE_WINDOW: SignedDuration = SignedDuration::from_mins(5);
/// The id of what is being watched.
const SESSION_ID: u64 = 12_345;

/// A running MDBList.
pub struct FakeMdbList {
    shared: Shared,
    /// The HTTP server.
    pub server: Server,
}

service_of!(FakeMdbList);

impl FakeMdbList {
    /// Starts one that knows the titles of the catalogue.
    pub async fn start() -> Self {
        let shared = Service::new(World {
            catalogue: catalogue::sample_titles().into_iter().map(known).collect(),
            library: Library::default(),
            logins: DeviceLogins::new(LOGIN),
            allowed: 1_000,
            used: 0,
            most_in_a_day: 0,
            day: 0,
            lately: Default::default(),
            now: Timestamp::UNIX_EPOCH,
        });
        let router = Router::new()
            .route("/oauth/device-authorization/", post(device))
            .route("/oauth/token/", post(token))
            .route("/oauth/revoke_token/", post(revoke))
            .route("/user", get(user))
            .route("/scrobble/{verb}", post(scrobble))
            .route("/sync/watched", get(watched).post(add))
            .route("/sync/watched/remove", post(remove))
            .route("/sync/ratings", post(rate))
            .route("/sync/ratings/remove", post(unrate))
            .route("/watchlist/items", get(listed))
            .route("/watchlist/items/{verb}", post(list))
            .layer(axum::middleware::from_fn_with_state(shared.clone(), service::middleware::<World>))
            .with_state(shared.clone());
        let server = Server::of("mdblist", router).await;
        shared.set_url(server.url());
        Self { shared, server }
    }

    /// Adds a title to the catalogue.
    pub fn add(&self, entry: Entry) {
        self.shared.world().catalogue.push(known(entry));
    }

    /// What was received as `VERB /path STATUS`, without logins and checks.
    pub fn story(&self) -> Vec<String> {
        self.shared.request_log(&["/scrobble", "/sync", "/watchlist"])
    }

    /// What the user keeps there.
    pub fn library(&self) -> Library {
        self.shared.world().library.clone()
    }

    /// Changes what the user keeps there.
    pub fn change(&self, change: impl FnOnce(&mut Library)) {
        change(&mut self.shared.world().library);
    }

    /// Uses up what may be sent within five minutes.
    pub fn exhaust(&self) {
        let now = self.shared.clock.now();
        let mut world = self.shared.world();
        world.lately = MAX_IN_WINDOW.map(|most| vec![now; most]);
    }

    /// What users do at the page that asks for a code, and what they allow, where it is not all.
    pub fn approve_logins(&self, approval: Approval, scope: Option<&str>) {
        let mut world = self.shared.world();
        world.logins.approval = approval;
        world.logins.scope = scope.map(str::to_owned);
    }

    /// Makes the access token invalid; with `all`, the login.
    pub fn expire(&self, all: bool) {
        let mut world = self.shared.world();
        world.logins.access = None;
        if all {
            world.logins.refresh = None;
        }
    }

    /// All tokens that were ever given out.
    pub fn tokens(&self) -> Vec<String> {
        self.shared.world().logins.given.clone()
    }

    /// How often a login was refreshed.
    pub fn refreshes(&self) -> u32 {
        self.shared.world().logins.refreshes
    }

    /// Allows so many requests a day.
    pub fn allow(&self, requests: u32) {
        self.shared.world().allowed = requests;
    }

    /// The most requests that a day has seen.
    pub fn most_in_a_day(&self) -> u32 {
        self.shared.world().most_in_a_day
    }
}

impl World {
    fn reset(&self) -> i64 {
        (self.day + 1) * 86_400
    }

    /// The title that a scrobble names.
    fn find(&self, named: &Value) -> Option<Entry> {
        let found = self.catalogue.iter().find(|entry| match entry {
            Entry::Movie { title, year, ids } => is_named(&named["movie"], title, *year, ids),
            Entry::Episode { show, show_year, show_ids, season, number, ids, .. } => {
                let (of_show, of_season) = (&named["show"], &named["show"]["season"]);
                let episode = &of_season["episode"];
                let fits = episode["ids"].is_null() || shares_id(&episode["ids"], ids);
                fits && of_season["number"] == json!(season)
                    && episode["number"] == json!(number)
                    && is_named(of_show, show, *show_year, show_ids)
            }
        });
        found.cloned()
    }

    /// Everything that a body of `/sync` names: a thing with its fields, or nothing.
    fn named(&self, body: &Value) -> Vec<(&'static str, Option<String>, Option<Entry>, Value)> {
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let mut all = Vec::new();
        for movie in list(&body["movies"]) {
            let entry = self.find(&json!({ "movie": movie }));
            all.push(("movies", entry.as_ref().map(Entry::name), entry, movie));
        }
        for show in list(&body["shows"]) {
            let is_it = |entry: &&Entry| {
                !entry.is_movie() && is_named(&show, entry.title(), entry.title_year(), entry.title_ids())
            };
            let title = self.catalogue.iter().find(is_it).map(|entry| entry.title().to_owned());
            if !show["seasons"].is_array() {
                all.push(("shows", title, None, show));
                continue;
            }
            for season in list(&show["seasons"]) {
                if !season["episodes"].is_array() {
                    let name = title.as_ref().map(|title| format!("{title} season {}", season["number"]));
                    all.push(("seasons", name, None, season));
                    continue;
                }
                for episode in list(&season["episodes"]) {
                    let mut named = json!({ "show": show });
                    named["show"]["season"] =
                        json!({ "number": season["number"], "episode": { "number": episode["number"] } });
                    let entry = self.find(&named);
                    all.push(("episodes", entry.as_ref().map(Entry::name), entry, episode));
                }
            }
        }
        all
    }
}

/// The ids that it knows of things.
fn known(entry: Entry) -> Entry {
    entry.restrict_ids(
        &["trakt", "imdb", "tmdb"],
        &["trakt", "imdb", "tmdb", "tvdb"],
        &["imdb", "tmdb", "tvdb"],
    )
}

impl RequestCheck for World {
    fn check(&mut self, request: &Parts, now: Timestamp) -> Option<Response> {
        self.now = now;
        if request.uri.path().starts_with("/oauth/") {
            return None;
        }
        let token = header(request, "authorization").strip_prefix("Bearer ").unwrap_or_default();
        if parameter(request, "apikey") != API_KEY && self.logins.access.as_deref() != Some(token) {
            return Some(
                (StatusCode::UNAUTHORIZED, Json(json!({ "error": "Invalid API key" }))).into_response(),
            );
        }
        let day = now.as_second().div_euclid(86_400);
        if day != self.day {
            self.day = day;
            self.used = 0;
        }
        if self.used >= self.allowed {
            let wait = (self.reset() - now.as_second()).to_string();
            let body = Json(json!({ "error": "Daily API limit exceeded!" }));
            return Some((StatusCode::TOO_MANY_REQUESTS, [("retry-after", wait)], body).into_response());
        }
        let kind = usize::from(request.method == Method::GET);
        let lately = &mut self.lately[kind];
        lately.retain(|at| now.duration_since(*at) < RATE_WINDOW);
        if lately.len() >= MAX_IN_WINDOW[kind] {
            let left = (lately[0] + RATE_WINDOW).duration_since(now).as_secs().max(1);
            let body = Json(json!({ "error": "Too many requests" }));
            let wait = [("retry-after", left.to_string())];
            return Some((StatusCode::TOO_MANY_REQUESTS, wait, body).into_response());
        }
        lately.push(now);
        self.used += 1;
        self.most_in_a_day = self.most_in_a_day.max(self.used);
        None
    }

    fn add_headers(&mut self, response: &mut Response, _now: Timestamp) {
        let left = self.allowed.saturating_sub(self.used);
        let headers = response.headers_mut();
        headers.insert("x-ratelimit-limit", HeaderValue::from(self.allowed));
        headers.insert("x-ratelimit-remaining", HeaderValue::from(left));
        headers.insert("x-ratelimit-reset", HeaderValue::from(self.reset()));
    }
}

async fn device(State(shared): State<Shared>, body: Bytes) -> Response {
    if read(&body)["client_id"] != CLIENT_ID {
        return (StatusCode::UNAUTHORIZED, Json(json!({ "error": "invalid_client" }))).into_response();
    }
    let page = format!("{}/oauth/device/", shared.own_url());
    let now = shared.clock.now();
    shared.world().logins.code(&page, now)
}

async fn token(State(shared): State<Shared>, body: Bytes) -> Response {
    let now = shared.clock.now();
    shared.world().logins.token(&read(&body), now)
}

async fn revoke(State(shared): State<Shared>, body: Bytes) -> Response {
    shared.world().logins.revoke(&read(&body))
}

async fn user(State(shared): State<Shared>) -> Response {
    let world = shared.world();
    Json(json!({
        "user_id": 1, "username": "sean", "plan": "free", "rate_limit": world.allowed,
        "rate_limit_remaining": world.allowed.saturating_sub(world.used),
    }))
    .into_response()
}

async fn scrobble(
    State(shared): State<Shared>,
    Path(verb): Path<String>,
    Json(body): Json<Value>,
) -> Response {
    let now = shared.clock.now();
    let mut world = shared.world();
    if verb == "clear" {
        // A session is ended by its id, which is always the same one here, or by what it is of.
        let of_title = world.find(&body);
        let before = world.library.resume.len();
        match &of_title {
            Some(entry) => world.library.resume.retain(|(paused, _)| paused != entry),
            None if body["id"] == SESSION_ID => {
                world.library.watching = None;
                world.library.resume.pop();
            }
            None => {}
        }
        if body["id"] != SESSION_ID && world.library.resume.len() == before {
            let error = json!({ "error": "Scrobble session not found" });
            return (StatusCode::NOT_FOUND, Json(error)).into_response();
        }
        return Json(json!({ "action": "clear", "deleted": true })).into_response();
    }
    let Some(progress) = body["progress"].as_f64() else {
        let error = json!({ "error": { "progress": ["This field is required."] } });
        return (StatusCode::BAD_REQUEST, Json(error)).into_response();
    };
    let Some(entry) = world.find(&body) else {
        let what = if body["movie"].is_object() { "Movie" } else { "Show" };
        let error = json!({ "error": format!("{what} not found in database") });
        return (StatusCode::NOT_FOUND, Json(error)).into_response();
    };
    if verb != "pause" && progress >= WATCHED_PERCENT {
        world.library.add_play(entry, now, true);
        return Json(json!({ "action": "scrobble", "progress": progress, "watched_at": now.to_string() }))
            .into_response();
    }
    // A pause spells ids in another way.
    let ids = |ids: &serde_json::Map<String, Value>| -> Value {
        let suffix = if verb == "start" { "" } else { "id" };
        ids.iter()
            .map(|(name, id)| (format!("{name}{suffix}"), id.clone()))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let title = json!({ "title": entry.title(), "year": entry.title_year(), "ids": ids(entry.title_ids()) });
    let mut answer =
        json!({ "id": SESSION_ID, "action": "pause", "progress": progress, "movie": null, "episode": null });
    match &entry {
        Entry::Movie { .. } => answer["movie"] = title,
        Entry::Episode { season, number, .. } => {
            answer["show"] = title;
            answer["episode"] = json!({ "season": season, "number": number });
        }
    }
    if verb == "start" {
        answer["action"] = json!("start");
        world.library.watching = Some(entry);
        return (StatusCode::CREATED, Json(answer)).into_response();
    }
    world.library.add_resume_point(entry, progress);
    Json(answer).into_response()
}

async fn watched(State(shared): State<Shared>, request: axum::extract::Request) -> Response {
    let (parts, _) = request.into_parts();
    let since: Timestamp = parameter(&parts, "since").parse().unwrap_or(Timestamp::MIN);
    let world = shared.world();
    let (mut movies, mut episodes) = (Vec::new(), Vec::new());
    for play in world.library.history.iter().filter(|play| play.watched_at >= since) {
        let at = play.watched_at.to_string();
        match &play.entry {
            Entry::Movie { title, year, ids } => {
                movies.push(
                    json!({ "last_watched_at": at, "movie": { "title": title, "year": year, "ids": ids } }),
                );
            }
            Entry::Episode { show, show_ids, season, number, ids, .. } => {
                episodes
                    .push(json!({ "last_watched_at": at, "episode": { "season": season, "number": number,
                    "ids": ids, "show": { "title": show, "ids": show_ids } } }));
            }
        }
    }
    Json(json!({ "movies": movies, "shows": [], "seasons": [], "episodes": episodes })).into_response()
}

async fn add(State(shared): State<Shared>, Json(body): Json<Value>) -> Response {
    let now = shared.clock.now();
    let mut world = shared.world();
    let mut answer = json!({ "updated": { "movies": 0, "seasons": 0, "episodes": 0 }, "plays": [],
        "not_found": { "movies": [], "shows": [], "seasons": [], "episodes": [] } });
    for (list, _, entry, fields) in world.named(&body) {
        let Some(entry) = entry else {
            answer["not_found"][list].as_array_mut().expect("a list").push(fields);
            continue;
        };
        let at = fields["watched_at"].as_str().and_then(|at| at.parse().ok()).unwrap_or(now);
        world.library.add_play(entry, at, false);
        answer["updated"][list] = json!(answer["updated"][list].as_u64().unwrap_or(0) + 1);
        answer["plays"].as_array_mut().expect("a list").push(json!({ "added": true }));
    }
    Json(answer).into_response()
}

async fn remove(State(shared): State<Shared>, Json(body): Json<Value>) -> Response {
    let mut world = shared.world();
    let mut removed = json!({ "movies": 0, "seasons": 0, "episodes": 0 });
    for (list, name, entry, _) in world.named(&body) {
        let before = world.library.history.len();
        match (entry, name) {
            (Some(entry), _) => world.library.history.retain(|play| play.entry != entry),
            // Without episodes all of it goes.
            (None, Some(name)) => world.library.history.retain(|play| !play.entry.name().starts_with(&name)),
            (None, None) => {}
        }
        let count = before - world.library.history.len();
        removed[list] = json!(removed[list].as_u64().unwrap_or(0) + count as u64);
    }
    Json(json!({ "removed": removed })).into_response()
}
