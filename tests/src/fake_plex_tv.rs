//! The watchlist of plex.tv, as python-plexapi and Plex's own clients use it: titles are matched by the ids of others, and put on
//! the list and taken off by a key of Plex's own.
//!
//! Known lies:
//! - one account, and one PIN;
//! - a login with a device key counts nonces alone: one a device, ten a minute;
//! - clients.plex.tv is at the same address;
//! - discover.provider.plex.tv and metadata.provider.plex.tv are at the same address.

use std::collections::HashMap;

use axum::extract::{Path, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::catalogue::Entry;
use crate::device_keys::DeviceKeys;
use crate::server::Server;
use crate::service::{RequestCheck, Service, header, service_of};
use crate::{catalogue, fake_plex, service};

/// The token of the account.
pub const TOKEN: &str = "plex-account-token-0123456789";

struct World {
    servers: Vec<Value>,
    webhooks: Vec<String>,
    has_pass: bool,
    /// How often the PIN was asked about.
    asked: u32,
    catalogue: Vec<Entry>,
    watchlist: Vec<String>,
    device_keys: DeviceKeys,
    /// The key that the PIN is bound to.
    pin_key: Option<String>,
}

/// A running plex.tv.
pub struct FakePlexTv {
    shared: Service<World>,
    /// The HTTP server.
    pub server: Server,
}

service_of!(FakePlexTv);

impl FakePlexTv {
    /// Starts one with some titles on the watchlist.
    pub async fn start(watchlist: &[&str]) -> Self {
        let watchlist = watchlist.iter().map(|title| (*title).to_owned()).collect();
        let shared = Service::new(World {
            servers: Vec::new(),
            webhooks: Vec::new(),
            has_pass: true,
            asked: 0,
            catalogue: catalogue::sample_titles(),
            watchlist,
            device_keys: DeviceKeys::default(),
            pin_key: None,
        });
        let router = Router::new()
            .route("/api/v2/pins", post(pin))
            .route("/api/v2/pins/{id}", get(is_linked))
            .route("/api/v2/auth/nonce", get(nonce))
            .route("/api/v2/auth/token", post(exchange))
            .route("/api/v2/resources", get(resources))
            .route("/api/v2/user", get(user))
            .route("/api/v2/user/webhooks", get(webhooks).post(set_webhooks))
            .route("/library/metadata/matches", get(matches))
            .route("/library/metadata/{key}/userState", get(state))
            .route("/library/sections/watchlist/all", get(listed))
            .route("/actions/{action}", put(act))
            .layer(axum::middleware::from_fn_with_state(shared.clone(), service::middleware::<World>))
            .with_state(shared.clone());
        let server = Server::of("plex-tv", router).await;
        Self { shared, server }
    }

    /// Gives the account a server, a [`FakePlex`](crate::fake_plex::FakePlex), with its own token there and its addresses, the worst
    /// one first.
    pub fn add_server(&self, name: &str, owned: bool, token: &str, mut connections: Value) {
        for connection in connections.as_array_mut().into_iter().flatten() {
            let url = connection["uri"].as_str().and_then(|uri| url::Url::parse(uri).ok());
            let url = url.expect("a test's address");
            connection["protocol"] = json!(url.scheme());
            connection["address"] = json!(url.host_str());
            connection["port"] = json!(url.port_or_known_default());
            connection["IPv6"] = json!(false);
        }
        self.shared.world().servers.push(json!({
            "name": name, "product": "Plex Media Server", "productVersion": "1.41.8.9834-071366d65", "platform": "Linux",
            "platformVersion": "12", "device": "PC", "createdAt": "2020-01-01T00:00:00Z", "lastSeenAt": "2026-11-01T00:00:00Z",
            "provides": "server", "owned": owned, "ownerId": if owned { Value::Null } else { json!(4_711) }, "home": false,
            "accessToken": token, "clientIdentifier": fake_plex::SERVER_ID, "publicAddress": "203.0.113.7",
            "publicAddressMatches": true, "httpsRequired": false, "synced": false, "relay": true, "presence": true,
            "dnsRebindingProtection": false, "natLoopbackSupported": false,
            "sourceTitle": if owned { Value::Null } else { json!("a friend") }, "connections": connections,
        }));
    }

    /// Puts titles on the watchlist.
    pub fn add_to_watchlist(&self, titles: &[&str]) {
        self.shared.world().watchlist.extend(titles.iter().map(|title| (*title).to_owned()));
    }

    /// Puts so many titles on the watchlist that only this catalogue has: films, and every third a show. Gives them in the order of the list.
    pub fn fill_watchlist(&self, count: u32) -> Vec<String> {
        let mut world = self.shared.world();
        for number in 0..count {
            let title = format!("Title {number:05}");
            let ids = json!({ "tmdb": 5_000_000 + number, "imdb": format!("tt9{number:07}") });
            let entry = match number % 3 {
                0 => catalogue::episode((&title, 2_000, ids), 1, 1, json!({})),
                _ => catalogue::movie(&title, 2_000, ids),
            };
            world.catalogue.push(entry);
            world.watchlist.push(title);
        }
        world.watchlist.iter().rev().cloned().collect()
    }

    /// The webhooks of the account.
    pub fn webhooks(&self) -> Vec<String> {
        self.shared.world().webhooks.clone()
    }

    /// Somebody else's program has registered a webhook.
    pub fn add_webhook(&self, url: &str) {
        self.shared.world().webhooks.push(url.to_owned());
    }

    /// The account's Plex Pass has run out.
    pub fn end_pass(&self) {
        self.shared.world().has_pass = false;
    }

    /// The tokens that devices got for their keys.
    pub fn device_tokens(&self) -> Vec<String> {
        self.shared.world().device_keys.tokens()
    }

    /// These have expired.
    pub fn expire_device_tokens(&self) {
        self.shared.world().device_keys.expire_tokens();
    }

    /// The account's owner has removed the devices.
    pub fn forget_devices(&self) {
        self.shared.world().device_keys.forget();
    }

    /// The servers of the account let nobody in with the tokens before.
    pub fn change_server_token(&self, token: &str) {
        self.shared.world().servers.iter_mut().for_each(|server| server["accessToken"] = json!(token));
    }

    /// The watchlist.
    pub fn watchlist(&self) -> Vec<String> {
        self.shared.world().watchlist.clone()
    }
}

impl RequestCheck for World {
    fn check(&mut self, request: &Parts, now: Timestamp) -> Option<Response> {
        if header(request, "x-plex-client-identifier").is_empty() {
            return Some(StatusCode::BAD_REQUEST.into_response());
        }
        if ["/api/v2/pins", "/api/v2/auth/"].iter().any(|open| request.uri.path().starts_with(open)) {
            return None;
        }
        let token = header(request, "x-plex-token");
        if token == TOKEN {
            return None;
        }
        self.device_keys.refusal(token, now).map(IntoResponse::into_response)
    }
}

/// With a key in its body, the PIN is bound to that.
async fn pin(State(shared): State<Service<World>>, body: String) -> Response {
    let mut world = shared.world();
    world.asked = 0;
    world.pin_key = None;
    if !body.is_empty() {
        let body: Value = serde_json::from_str(&body).unwrap_or_default();
        match world.device_keys.register(&body["jwk"]) {
            Ok(kid) => world.pin_key = Some(kid),
            Err(status) => return status.into_response(),
        }
    }
    let body = json!({ "id": 308_667_304_i64, "code": "TK7W", "expiresIn": 900, "authToken": null });
    (StatusCode::CREATED, Json(body)).into_response()
}

/// Somebody enters the code between the first question and the second.
async fn is_linked(
    State(shared): State<Service<World>>,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    if id != "308667304" {
        return StatusCode::NOT_FOUND.into_response();
    }
    let mut world = shared.world();
    let now = shared.clock.now();
    if let Some(key) = world.pin_key.clone() {
        let signed = query.get("deviceJWT").map_or("", String::as_str);
        match world.device_keys.check(signed, device(&headers), now) {
            Ok((_, kid)) if kid == key => {}
            Ok(_) => return StatusCode::UNPROCESSABLE_ENTITY.into_response(),
            Err(status) => return status.into_response(),
        }
    }
    world.asked += 1;
    let token = match (world.asked > 1, world.pin_key.is_some()) {
        (false, _) => None,
        (true, false) => Some(TOKEN.to_owned()),
        (true, true) => Some(world.device_keys.issue(now)),
    };
    Json(json!({ "id": 308_667_304_i64, "code": "TK7W", "expiresIn": 890, "authToken": token }))
        .into_response()
}

/// The name under which a device is known.
fn device(headers: &HeaderMap) -> &str {
    headers.get("x-plex-client-identifier").and_then(|it| it.to_str().ok()).unwrap_or_default()
}

async fn nonce(State(shared): State<Service<World>>) -> Response {
    let now = shared.clock.now();
    match shared.world().device_keys.nonce(now) {
        Ok(nonce) => Json(json!({ "nonce": nonce })).into_response(),
        Err(status) => status.into_response(),
    }
}

async fn exchange(
    State(shared): State<Service<World>>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let now = shared.clock.now();
    let signed = body["jwt"].as_str().unwrap_or_default();
    match shared.world().device_keys.exchange(signed, device(&headers), now) {
        Ok(token) => Json(json!({ "auth_token": token })).into_response(),
        Err(status) => status.into_response(),
    }
}

async fn user(State(shared): State<Service<World>>) -> Response {
    let subscription = json!({ "active": shared.world().has_pass });
    Json(json!({
        "id": 7_000_001, "uuid": "f1a8c2d3e4b5a697", "username": "mia", "title": "mia", "friendlyName": "mia",
        "email": "mia@example.org", "joinedAt": 1_500_000_000, "hasPassword": true, "twoFactorEnabled": false, "authToken": TOKEN,
        "confirmed": true, "emailOnlyAuth": false, "locale": null, "protected": false, "subscription": subscription,
    }))
    .into_response()
}

async fn webhooks(State(shared): State<Service<World>>) -> Response {
    let world = shared.world();
    if !world.has_pass {
        return StatusCode::FORBIDDEN.into_response();
    }
    Json(world.webhooks.iter().map(|url| json!({ "url": url })).collect::<Vec<_>>()).into_response()
}

async fn set_webhooks(
    State(shared): State<Service<World>>,
    axum::Form(form): axum::Form<Vec<(String, String)>>,
) -> Response {
    let mut world = shared.world();
    if !world.has_pass {
        return StatusCode::FORBIDDEN.into_response();
    }
    world.webhooks = form.into_iter().filter(|(name, _)| name == "urls[]").map(|(_, url)| url).collect();
    StatusCode::CREATED.into_response()
}

async fn resources(State(shared): State<Service<World>>) -> Response {
    Json(shared.world().servers.clone()).into_response()
}

/// A key as Plex's are: 24 hexadecimal digits.
fn key(title: &str) -> String {
    let sum = title.bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    format!("5d7768{sum:018x}")[..24].to_owned()
}

async fn matches(
    State(shared): State<Service<World>>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let world = shared.world();
    let is_movie = query.get("type").is_some_and(|kind| kind == "1");
    let (namespace, id) = query.get("guid").and_then(|guid| guid.split_once("://")).unwrap_or_default();
    let is_it = |entry: &&Entry| {
        entry.is_movie() == is_movie
            && entry.title_ids().get(namespace).is_some_and(|it| catalogue::is_id(it, id))
    };
    let rows: Vec<Value> = world
        .catalogue
        .iter()
        .find(is_it)
        .map(|entry| {
            let (kind, key) = (if is_movie { "movie" } else { "show" }, key(entry.title()));
            json!({ "ratingKey": key, "key": format!("/library/metadata/{key}"), "guid": format!("plex://{kind}/{key}"), "type": kind,
                "title": entry.title(), "addedAt": 1_700_000_000 })
        })
        .into_iter()
        .collect();
    Json(json!({ "MediaContainer": { "size": rows.len(), "Metadata": rows } })).into_response()
}

async fn state(State(shared): State<Service<World>>, Path(wanted): Path<String>) -> Response {
    let world = shared.world();
    let mut state = json!({ "ratingKey": wanted, "viewCount": 0 });
    if world.watchlist.iter().any(|title| key(title) == wanted) {
        state["watchlistedAt"] = json!(1_790_000_000);
    }
    Json(json!({ "MediaContainer": { "UserState": state } })).into_response()
}

/// A page of the watchlist, the last entry first.
async fn listed(
    State(shared): State<Service<World>>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let world = shared.world();
    let number =
        |name: &str, default: usize| query.get(name).and_then(|it| it.parse().ok()).unwrap_or(default);
    let (start, size) = (number("X-Plex-Container-Start", 0), number("X-Plex-Container-Size", 20));
    let by_title: HashMap<&str, &Entry> =
        world.catalogue.iter().rev().map(|entry| (entry.title(), entry)).collect();
    let row = |title: &String| {
        let entry = by_title.get(title.as_str())?;
        let (kind, key) = (if entry.is_movie() { "movie" } else { "show" }, key(title));
        let guids = ["imdb", "tmdb", "tvdb"].into_iter().filter_map(|name| {
            let id = entry.title_ids().get(name)?;
            Some(json!({ "id": format!("{name}://{}", id.as_str().map_or_else(|| id.to_string(), str::to_owned)) }))
        });
        Some(
            json!({ "ratingKey": key, "key": format!("/library/metadata/{key}"), "guid": format!("plex://{kind}/{key}"), "type": kind,
            "title": title, "year": entry.title_year(), "watchlistedAt": 1_790_000_000, "addedAt": 1_700_000_000, "Guid": guids.collect::<Vec<_>>() }),
        )
    };
    let listed = || world.watchlist.iter().rev().filter(|title| by_title.contains_key(title.as_str()));
    let total = listed().count();
    let page: Vec<Value> = listed().skip(start).take(size).filter_map(row).collect();
    let container = json!({ "size": page.len(), "totalSize": total, "offset": start, "Metadata": page });
    Json(json!({ "MediaContainer": container })).into_response()
}

async fn act(
    State(shared): State<Service<World>>,
    Path(action): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let mut world = shared.world();
    let wanted = query.get("ratingKey").cloned().unwrap_or_default();
    if action == "removeFromWatchlist" {
        let before = world.watchlist.len();
        world.watchlist.retain(|title| key(title) != wanted);
        if world.watchlist.len() == before {
            return StatusCode::NOT_FOUND.into_response();
        }
        return StatusCode::OK.into_response();
    }
    let Some(title) =
        world.catalogue.iter().map(|entry| entry.title().to_owned()).find(|title| key(title) == wanted)
    else {
        return StatusCode::NOT_FOUND.into_response();
    };
    world.watchlist.push(title);
    StatusCode::OK.into_response()
}
