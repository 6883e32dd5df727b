//! A Jellyfin or an Emby server, as far as Playrelay asks: its library, its sessions and what it tells of them, its history.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Path, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::faults::Faults;
use crate::screening::{Person, Screening, Title};
use crate::server::{Cut, Server, Up};
use crate::service::{header, parameter};
use crate::sockets::Sockets;
use crate::{emby_webhook, jellyfin_webhook};

/// The API key that it takes.
pub const TOKEN: &str = "media-browser-key-0123456789";

/// The password of everybody, with letters that have to be escaped somewhere.
pub const PASSWORD: &str = "p&ss \"w\u{f6}rd\" %41+";
const QUICK_SECRET: &str = "quick-connect-secret-0123456789";

/// Which of the two it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// The key comes in `Authorization: MediaBrowser … Token="…"`.
    Jellyfin,
    /// The key comes in `X-Emby-Token`, or in the query; and the API lies below `/emby`.
    Emby,
}

impl Family {
    fn server_id(self) -> &'static str {
        match self {
            Self::Jellyfin => jellyfin_webhook::SERVER_ID,
            Self::Emby => emby_webhook::SERVER_ID,
        }
    }

    fn dto(self, title: &Title) -> Value {
        match self {
            Self::Jellyfin => title.jellyfin(),
            Self::Emby => title.emby(),
        }
    }
}

/// What the server keeps of a user and an item.
#[derive(Clone, Debug)]
struct Played {
    user: Person,
    dto: Value,
    at: Timestamp,
}

#[derive(Clone)]
struct Shared {
    family: Family,
    items: Arc<Mutex<HashMap<String, Value>>>,
    sessions: Arc<Mutex<Vec<Value>>>,
    played: Arc<Mutex<Vec<Played>>>,
    asked: Arc<Mutex<Vec<String>>>,
    token: Arc<Mutex<String>>,
    version: Arc<Mutex<String>>,
    faults: Faults,
    sockets: Sockets,
    clock: Clock,
    /// The configuration of the webhook plugin, or the notifications.
    webhooks: Arc<Mutex<Value>>,
}

/// A running server.
pub struct FakeMediaBrowser {
    shared: Shared,
    /// The HTTP server.
    pub server: Server,
}

impl FakeMediaBrowser {
    /// Starts one with an empty library.
    pub async fn start(family: Family) -> Self {
        let version = if family == Family::Jellyfin { "10.11.7" } else { "4.9.3.0" };
        let shared = Shared {
            family,
            items: Arc::default(),
            sessions: Arc::default(),
            played: Arc::default(),
            asked: Arc::default(),
            token: Arc::new(Mutex::new(TOKEN.to_owned())),
            version: Arc::new(Mutex::new(version.to_owned())),
            faults: Faults::default(),
            sockets: Sockets::default(),
            clock: Clock::default(),
            webhooks: Arc::new(Mutex::new(match family {
                Family::Jellyfin => json!({ "ServerUrl": "", "GenericOptions": [] }),
                Family::Emby => json!([]),
            })),
        };
        let api = Router::new()
            .route("/Items", get(items))
            .route("/Items/{id}/Ancestors", get(ancestors))
            .route("/Users", get(users))
            .route("/Users/{id}", get(user))
            .route("/Users/{id}/Items", get(users_items))
            .route("/Sessions", get(sessions))
            .route("/Sessions/Logout", post(log_out))
            .route("/Plugins/{id}/Configuration", get(webhooks).post(set_webhooks))
            .route("/Notifications/Services/Configured", get(webhooks).post(add_notification))
            .layer(middleware::from_fn_with_state(shared.clone(), gate))
            .route("/System/Info/Public", get(info))
            .route("/QuickConnect/Initiate", post(initiate))
            .route("/QuickConnect/Connect", get(connect))
            .route("/Users/AuthenticateWithQuickConnect", post(with_quick_connect))
            .route("/Users/AuthenticateByName", post(by_name))
            .route("/Connect/Exchange", get(exchange));
        let router = match family {
            Family::Jellyfin => api.route("/socket", get(socket)),
            Family::Emby => Router::new().nest("/emby", api).route("/embywebsocket", get(socket)),
        };
        Self { server: Server::start(router.with_state(shared.clone())).await, shared }
    }

    /// Its clock.
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Puts an item into the library: a `BaseItemDto` with an `Id`.
    pub fn add(&self, dto: Value) {
        let id = dto["Id"].as_str().expect("an Id").to_owned();
        self.shared.items.lock().expect("no test panics here").insert(id, dto);
    }

    /// Starts a session: who plays which item on which device.
    pub fn play(&self, user: (&str, &str), item: &str, device: &str) {
        self.shared.sessions.lock().expect("no test panics here").push(json!({
            "Id": format!("{:0<32}", device.len()), "UserId": user.0, "UserName": user.1, "DeviceId": device,
            "NowPlayingItem": { "Id": item }, "PlayState": {},
        }));
    }

    /// What was asked for, in order: the ids of items, or `of` an id for its ancestors.
    pub fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().expect("no test panics here").clone()
    }

    /// What goes wrong.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// Its websockets.
    pub fn sockets(&self) -> &Sockets {
        &self.shared.sockets
    }

    /// From here on this is the key.
    pub fn set_token(&self, token: &str) {
        token.clone_into(&mut self.shared.token.lock().expect("no test panics here"));
    }

    /// From here on this is its version.
    pub fn set_version(&self, version: &str) {
        version.clone_into(&mut self.shared.version.lock().expect("no test panics here"));
    }

    /// What `/Sessions` lists.
    pub fn list(&self, screenings: &[Screening]) {
        let (family, now) = (self.shared.family, self.shared.clock.now());
        let session = |it: &Screening| it.session(family.dto(&it.title), family.server_id(), now);
        *self.shared.sessions.lock().expect("no test panics here") = screenings.iter().map(session).collect();
    }

    /// The same, of sessions as a server gives them.
    pub fn list_raw(&self, sessions: Vec<Value>) {
        *self.shared.sessions.lock().expect("no test panics here") = sessions;
    }

    /// Lists these, and tells all who listen.
    pub fn show(&self, screenings: &[Screening]) {
        self.list(screenings);
        self.tell();
    }

    /// Tells all who listen what is listed. Gives how many there are.
    pub fn tell(&self) -> usize {
        let sessions = self.shared.sessions.lock().expect("no test panics here").clone();
        let mut message = json!({ "MessageType": "Sessions", "Data": sessions });
        if self.shared.family == Family::Jellyfin {
            message["MessageId"] = json!("3df15df7b523cd3186c67cfc41737261");
        }
        self.shared.sockets.push(message.to_string())
    }

    /// The configuration of the webhook plugin, or the notifications.
    pub fn webhooks(&self) -> Value {
        self.shared.webhooks.lock().expect("no test panics here").clone()
    }

    /// Notes that somebody has played something.
    pub fn record(&self, person: &Person, title: &Title, at: Timestamp) {
        let dto = self.shared.family.dto(title);
        let played = Played { user: person.clone(), dto, at };
        self.shared.played.lock().expect("no test panics here").push(played);
    }
}

impl Shared {
    fn admits(&self, request: &Parts) -> bool {
        let token = self.token.lock().expect("no test panics here").clone();
        match self.family {
            Family::Jellyfin => {
                let value = header(request, "authorization");
                value.starts_with("MediaBrowser ") && value.contains(&format!("Token=\"{token}\""))
            }
            Family::Emby => {
                header(request, "x-emby-token") == token || parameter(request, "api_key") == token
            }
        }
    }

    fn note(&self, what: String) {
        self.asked.lock().expect("no test panics here").push(what);
    }
}

async fn gate(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let path = path.strip_prefix("/emby").unwrap_or(&path);
    match path {
        "/Items" => shared.note(parameter(&parts, "Ids")),
        "/Sessions" => shared.note("sessions".to_owned()),
        _ => {
            if let Some(id) = path.strip_prefix("/Items/").and_then(|rest| rest.strip_suffix("/Ancestors")) {
                shared.note(format!("of {id}"));
            }
        }
    }
    if let Some(fault) = shared.faults.take(path) {
        match fault.answer() {
            Some(answer) => return answer,
            None => parts.extensions.get::<Cut>().expect("the server puts it there").now().await,
        }
    }
    if !shared.admits(&parts) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    next.run(Request::from_parts(parts, body)).await
}

/// Who asks for a login says who they are, in four words.
fn introduces_itself(headers: &HeaderMap) -> bool {
    let told = ["authorization", "x-emby-authorization"]
        .into_iter()
        .find_map(|name| headers.get(name)?.to_str().ok());
    told.is_some_and(|told| {
        ["Client=\"", "Device=\"", "DeviceId=\"", "Version=\""].iter().all(|it| told.contains(it))
    })
}

fn token(shared: &Shared) -> Response {
    let token = shared.token.lock().expect("no test panics here").clone();
    Json(json!({ "AccessToken": token, "ServerId": shared.family.server_id(), "User": { "Name": "mia" } }))
        .into_response()
}

async fn initiate(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    if let Some(answer) = shared.faults.take("/QuickConnect").and_then(|fault| fault.answer()) {
        return answer;
    }
    if !introduces_itself(&headers) {
        return StatusCode::BAD_REQUEST.into_response();
    }
    Json(json!({ "Secret": QUICK_SECRET, "Code": "135790", "Authenticated": false })).into_response()
}

/// Somebody enters the code between the first question and the second.
async fn connect(State(shared): State<Shared>, Query(query): Query<HashMap<String, String>>) -> Response {
    if query.get("secret").map(String::as_str) != Some(QUICK_SECRET) {
        return StatusCode::NOT_FOUND.into_response();
    }
    shared.note("quick connect".to_owned());
    let asked = shared.asked.lock().expect("no test panics here");
    let times = asked.iter().filter(|what| *what == "quick connect").count();
    Json(json!({ "Secret": QUICK_SECRET, "Code": "135790", "Authenticated": times > 1 })).into_response()
}

async fn with_quick_connect(State(shared): State<Shared>, Json(body): Json<Value>) -> Response {
    if body["Secret"] == QUICK_SECRET { token(&shared) } else { StatusCode::UNAUTHORIZED.into_response() }
}

async fn by_name(State(shared): State<Shared>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    match (introduces_itself(&headers), body["Username"] == "mia" && body["Pw"] == PASSWORD) {
        (false, _) => StatusCode::BAD_REQUEST.into_response(),
        (true, false) => StatusCode::UNAUTHORIZED.into_response(),
        (true, true) => token(&shared),
    }
}

async fn exchange(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let key = headers.get("x-emby-token").and_then(|key| key.to_str().ok());
    if key != Some(crate::fake_emby_connect::ACCESS_KEY) || !query.contains_key("ConnectUserId") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    token(&shared)
}

async fn log_out(State(shared): State<Shared>) -> StatusCode {
    shared.note("log out".to_owned());
    StatusCode::NO_CONTENT
}

async fn info(State(shared): State<Shared>) -> Response {
    let version = shared.version.lock().expect("no test panics here").clone();
    let name = if shared.family == Family::Jellyfin { "Attic" } else { "Cellar" };
    Json(json!({ "Id": shared.family.server_id(), "ServerName": name, "Version": version })).into_response()
}

async fn socket(
    State(shared): State<Shared>,
    Extension(up): Extension<Up>,
    upgrade: WebSocketUpgrade,
    request: Request,
) -> Response {
    let parts = request.into_parts().0;
    if let Some(answer) = shared.faults.take(parts.uri.path()).and_then(|fault| fault.answer()) {
        return answer;
    }
    if !shared.admits(&parts) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    upgrade.on_upgrade(|socket| {
        shared.sockets.serve(socket, up.0, |text| {
            text.contains("\"KeepAlive\"").then(|| json!({ "MessageType": "KeepAlive" }).to_string())
        })
    })
}

async fn items(State(shared): State<Shared>, Query(query): Query<HashMap<String, String>>) -> Response {
    if query.contains_key("UserId") {
        let user = query.get("UserId").cloned().unwrap_or_default();
        return played(&shared, &user, &query);
    }
    let ids = query.get("Ids").cloned().unwrap_or_default();
    let known = shared.items.lock().expect("no test panics here");
    let found: Vec<Value> = ids.split(',').filter_map(|id| known.get(id).cloned()).collect();
    Json(json!({ "TotalRecordCount": found.len(), "StartIndex": 0, "Items": found })).into_response()
}

async fn users_items(
    State(shared): State<Shared>,
    Path(user): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    played(&shared, &user, &query)
}

/// What a user has played, the last first.
fn played(shared: &Shared, user: &str, query: &HashMap<String, String>) -> Response {
    let number = |name: &str, default: usize| {
        query.get(name).and_then(|value| value.parse::<usize>().ok()).unwrap_or(default)
    };
    let mut rows = shared.played.lock().expect("no test panics here").clone();
    rows.retain(|played| played.user.guid == user);
    rows.sort_by_key(|played| std::cmp::Reverse(played.at));
    let total = rows.len();
    let rows: Vec<Value> = rows
        .into_iter()
        .skip(number("StartIndex", 0))
        .take(number("Limit", 100))
        .map(|played| {
            let mut dto = played.dto;
            dto["UserData"] = json!({
                "Played": true, "PlayCount": 1, "PlaybackPositionTicks": 0, "LastPlayedDate": played.at.to_string(),
            });
            dto
        })
        .collect();
    Json(json!({ "TotalRecordCount": total, "StartIndex": number("StartIndex", 0), "Items": rows }))
        .into_response()
}

fn person(person: &Person) -> Value {
    json!({ "Id": person.guid, "Name": person.name, "Policy": { "IsAdministrator": false } })
}

async fn webhooks(State(shared): State<Shared>) -> Response {
    Json(shared.webhooks.lock().expect("no test panics here").clone()).into_response()
}

async fn set_webhooks(State(shared): State<Shared>, Json(body): Json<Value>) -> StatusCode {
    *shared.webhooks.lock().expect("no test panics here") = body;
    StatusCode::NO_CONTENT
}

/// One that has an id is changed.
async fn add_notification(State(shared): State<Shared>, Json(mut body): Json<Value>) -> StatusCode {
    let mut webhooks = shared.webhooks.lock().expect("no test panics here");
    let list = webhooks.as_array_mut().expect("a list");
    match list.iter_mut().find(|it| !body["Id"].is_null() && it["Id"] == body["Id"]) {
        Some(known) => *known = body,
        None => {
            body["Id"] = json!(format!("n{}", list.len()));
            list.push(body);
        }
    }
    StatusCode::NO_CONTENT
}

async fn users(State(shared): State<Shared>) -> Response {
    let administrator = json!({ "Id": "ad000000000000000000000000000000", "Name": "admin", "Policy": { "IsAdministrator": true } });
    let mut rows: Vec<Value> = vec![administrator];
    for played in shared.played.lock().expect("no test panics here").iter() {
        let row = person(&played.user);
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    Json(rows).into_response()
}

/// A key has no user: nobody is `Me`.
async fn user(State(shared): State<Shared>, Path(id): Path<String>) -> Response {
    let played = shared.played.lock().expect("no test panics here");
    match played.iter().find(|played| played.user.guid == id) {
        Some(played) => Json(person(&played.user)).into_response(),
        None => StatusCode::BAD_REQUEST.into_response(),
    }
}

async fn sessions(State(shared): State<Shared>) -> Response {
    let sessions = shared.sessions.lock().expect("no test panics here").clone();
    Json(sessions).into_response()
}

async fn ancestors(State(shared): State<Shared>, Path(id): Path<String>) -> Response {
    let known = shared.items.lock().expect("no test panics here");
    let library = known.get(&id).map(|dto| dto["_library"].clone()).unwrap_or_default();
    Json(json!([
        { "Type": "Folder", "Name": "somewhere" },
        { "Type": "CollectionFolder", "Name": library },
        { "Type": "UserRootFolder", "Name": "Media Folders" },
    ]))
    .into_response()
}
