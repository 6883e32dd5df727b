//! A Plex server, as far as Playrelay asks: its library, its sessions and what it tells of them, its history.
//!
//! Known lies:
//! - the library has items and no sections, lists or searches;
//! - sessions are what a test lists: nothing moves by itself;
//! - JSON has the fields that XML has as attributes, and no others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::broadcast;

use crate::fake_playback::{FakePlayback, Person, Title};
use crate::faults::Faults;
pub use crate::plex_webhook::SERVER_ID;
use crate::server::{Disconnect, Listening, Server};
use crate::sockets::Sockets;

/// The token that it takes.
pub const TOKEN: &str = "plex-owner-token-0123456789";

/// A play in the server's own history.
#[derive(Clone, Debug)]
struct Viewed {
    account: u32,
    item: Value,
    at: Timestamp,
}

#[derive(Clone)]
struct Shared {
    items: Arc<Mutex<HashMap<String, Value>>>,
    sessions: Arc<Mutex<Vec<Value>>>,
    history: Arc<Mutex<Vec<Viewed>>>,
    people: Arc<Mutex<Vec<Person>>>,
    asked: Arc<Mutex<Vec<String>>>,
    token: Arc<Mutex<String>>,
    faults: Faults,
    sockets: Sockets,
    events: broadcast::Sender<String>,
}

/// A running server.
pub struct FakePlex {
    shared: Shared,
    /// The HTTP server.
    pub server: Server,
}

impl FakePlex {
    /// Starts one with an empty library.
    pub async fn start() -> Self {
        let shared = Shared {
            items: Arc::default(),
            sessions: Arc::default(),
            history: Arc::default(),
            people: Arc::default(),
            asked: Arc::default(),
            token: Arc::new(Mutex::new(TOKEN.to_owned())),
            faults: Faults::default(),
            sockets: Sockets::default(),
            events: broadcast::Sender::new(1_024),
        };
        let router = Router::new()
            .without_v07_checks()
            .route("/", get(root))
            .route("/identity", get(identity))
            .route("/library/metadata/{key}", get(metadata))
            .route("/library/metadata/{key}/children", get(children))
            .route("/status/sessions", get(sessions))
            .route("/status/sessions/history/all", get(history))
            .route("/accounts", get(accounts))
            .route("/:/websockets/notifications", get(socket))
            .route("/:/eventsource/notifications", get(events))
            .layer(middleware::from_fn_with_state(shared.clone(), require_token))
            .layer(middleware::from_fn(in_the_form_asked_for))
            .with_state(shared.clone());
        Self { shared, server: Server::of("plex", router).await }
    }

    /// Puts an item into the library: a `Metadata` object with a `ratingKey`.
    pub fn add(&self, metadata: Value) {
        let key = metadata["ratingKey"].as_str().expect("a ratingKey").to_owned();
        self.shared.items.lock().expect("no test panics here").insert(key, metadata);
    }

    /// The keys of items that were asked for, in order.
    pub fn requested_keys(&self) -> Vec<String> {
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

    /// From here on this is the token.
    pub fn set_token(&self, token: &str) {
        token.clone_into(&mut self.shared.token.lock().expect("no test panics here"));
    }

    /// What `/status/sessions` lists.
    pub fn set_sessions(&self, screenings: &[FakePlayback]) {
        *self.shared.sessions.lock().expect("no test panics here") =
            screenings.iter().map(FakePlayback::plex).collect();
    }

    /// The same, of entries as a server gives them.
    pub fn list_raw(&self, entries: Vec<Value>) {
        *self.shared.sessions.lock().expect("no test panics here") = entries;
    }

    /// Tells all who listen. Gives how many there are.
    pub fn broadcast(&self, notification: &Value) -> usize {
        let data = &notification["NotificationContainer"]["PlaySessionStateNotification"];
        let event = json!({ "PlaySessionStateNotification": data[0] }).to_string();
        self.shared.sockets.push(notification.to_string()) + self.shared.events.send(event).unwrap_or(0)
    }

    /// Enters a play into the history, as at 90 %.
    pub fn add_play(&self, person: &Person, title: &Title, at: Timestamp) {
        let mut people = self.shared.people.lock().expect("no test panics here");
        if !people.contains(person) {
            people.push(person.clone());
        }
        let viewed = Viewed { account: person.number, item: title.metadata(), at };
        self.shared.history.lock().expect("no test panics here").push(viewed);
    }
}

async fn require_token(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    if let Some(key) = path.strip_prefix("/library/metadata/") {
        shared.asked.lock().expect("no test panics here").push(key.to_owned());
    }
    if let Some(fault) = shared.faults.take(&path) {
        match fault.answer() {
            Some(answer) => return answer,
            None => request.extensions().get::<Disconnect>().expect("the server puts it there").now().await,
        }
    }
    // It says who it is to anybody.
    if request.uri().path() == "/identity" {
        return next.run(request).await;
    }
    let token = shared.token.lock().expect("no test panics here").clone();
    if !admits(&request, &token) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    next.run(request).await
}

/// The token may stand in a header or in the query.
fn admits(request: &Request, token: &str) -> bool {
    let in_header = request.headers().get("x-plex-token").and_then(|given| given.to_str().ok());
    let query = request.uri().query().unwrap_or_default();
    let in_query = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "X-Plex-Token");
    in_header == Some(token) || in_query.is_some_and(|(_, given)| given == token)
}

/// Answers in XML to whoever does not ask for JSON.
async fn in_the_form_asked_for(request: Request, next: Next) -> Response {
    let accept = request.headers().get("accept").and_then(|it| it.to_str().ok()).unwrap_or_default();
    let wants_json = accept.contains("json");
    let response = next.run(request).await;
    let is_json = response.headers().get("content-type").is_some_and(|kind| kind == "application/json");
    if wants_json || !is_json {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let bytes = to_bytes(body, 64 << 20).await.expect("an answer of a fake is small");
    let answer: Value = serde_json::from_slice(&bytes).expect("an answer of JSON");
    let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    write_xml(&mut text, "MediaContainer", &answer["MediaContainer"]);
    parts.headers.remove("content-length");
    parts.headers.insert("content-type", HeaderValue::from_static("text/xml;charset=utf-8"));
    Response::from_parts(parts, Body::from(text))
}

/// Writes an object as an element: values are attributes, objects and lists are elements in it.
fn write_xml(text: &mut String, name: &str, value: &Value) {
    let escape = |text: &str| {
        text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
    };
    let name = match (name, value["type"].as_str()) {
        ("Metadata", Some("movie" | "episode" | "clip")) => "Video",
        ("Metadata", _) => "Directory",
        _ => name,
    };
    text.push_str(&format!("<{name}"));
    let fields: Vec<(&String, &Value)> = value.as_object().into_iter().flatten().collect();
    for (name, value) in &fields {
        match value {
            Value::String(it) => text.push_str(&format!(" {name}=\"{}\"", escape(it))),
            Value::Bool(it) => text.push_str(&format!(" {name}=\"{}\"", u8::from(*it))),
            Value::Number(it) => text.push_str(&format!(" {name}=\"{it}\"")),
            _ => {}
        }
    }
    text.push('>');
    for (name, value) in fields {
        match value {
            Value::Array(items) => items.iter().for_each(|item| write_xml(text, name, item)),
            Value::Object(_) => write_xml(text, name, value),
            _ => {}
        }
    }
    text.push_str(&format!("</{name}>\n"));
}

/// An item with what every item of a library has.
fn complete(mut item: Value) -> Value {
    let of_show = item["grandparentRatingKey"].as_str().map(|key| format!("/library/metadata/{key}"));
    if let Some(key) = of_show.filter(|_| item["grandparentKey"].is_null()) {
        item["grandparentKey"] = json!(key);
    }
    let key = item["ratingKey"].as_str().map(|key| format!("/library/metadata/{key}"));
    for (name, value) in [("key", json!(key)), ("addedAt", json!(1_700_000_000))] {
        if item[name].is_null() && !value.is_null() {
            item[name] = value;
        }
    }
    item
}

fn container(rows: Vec<Value>) -> Response {
    let rows: Vec<Value> = rows.into_iter().map(complete).collect();
    let mut container = json!({ "size": rows.len() });
    // An empty list is left out.
    if !rows.is_empty() {
        container["Metadata"] = json!(rows);
    }
    Json(json!({ "MediaContainer": container })).into_response()
}

async fn root() -> Response {
    Json(json!({ "MediaContainer": {
        "size": 25, "friendlyName": "Media-Server", "machineIdentifier": SERVER_ID, "version": "1.41.8.9834-071366d65",
    } }))
    .into_response()
}

async fn identity() -> Response {
    let told = json!({ "size": 0, "claimed": true, "machineIdentifier": SERVER_ID, "version": "1.41.8.9834-071366d65" });
    Json(json!({ "MediaContainer": told })).into_response()
}

async fn metadata(State(shared): State<Shared>, Path(key): Path<String>) -> Response {
    let item = shared.items.lock().expect("no test panics here").get(&key).cloned();
    match item {
        Some(item) => container(vec![item]),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The items whose parent is named.
async fn children(State(shared): State<Shared>, Path(key): Path<String>) -> Response {
    let items = shared.items.lock().expect("no test panics here");
    let of_parent = items.values().filter(|item| item["parentRatingKey"] == key.as_str());
    container(of_parent.cloned().collect())
}

async fn sessions(State(shared): State<Shared>) -> Response {
    container(shared.sessions.lock().expect("no test panics here").clone())
}

/// `viewedAt>=` is how the parameter is written: its name ends in `>`.
async fn history(State(shared): State<Shared>, Query(query): Query<HashMap<String, String>>) -> Response {
    let number = |name: &str| query.get(name).and_then(|value| value.parse::<i64>().ok());
    let since = number("viewedAt>").unwrap_or(0);
    let start = usize::try_from(number("X-Plex-Container-Start").unwrap_or(0)).expect("a place");
    let size = usize::try_from(number("X-Plex-Container-Size").unwrap_or(100)).expect("a size");
    let mut rows: Vec<Viewed> = shared.history.lock().expect("no test panics here").clone();
    rows.retain(|viewed| viewed.at.as_second() >= since);
    rows.sort_by_key(|viewed| viewed.at);
    let total = rows.len();
    let rows: Vec<Value> = rows
        .into_iter()
        .skip(start)
        .take(size)
        .map(|viewed| {
            // The history knows an item's key, names and numbers (plexopedia has rows of a real server), and neither its ids nor its year.
            let mut row = viewed.item;
            let object = row.as_object_mut().expect("an object");
            object.retain(|field, _| {
                matches!(
                    field.as_str(),
                    "ratingKey"
                        | "key"
                        | "type"
                        | "title"
                        | "grandparentTitle"
                        | "parentTitle"
                        | "index"
                        | "parentIndex"
                        | "librarySectionID"
                        | "originallyAvailableAt"
                        | "thumb"
                )
            });
            row["librarySectionID"] = json!(row["librarySectionID"].to_string());
            row["historyKey"] = json!(format!("/status/sessions/history/{}", viewed.at.as_second()));
            row["viewedAt"] = json!(viewed.at.as_second());
            row["accountID"] = json!(viewed.account);
            row["deviceID"] = json!(7);
            row
        })
        .collect();
    let mut container = json!({ "size": rows.len(), "totalSize": total, "offset": start });
    if !rows.is_empty() {
        container["Metadata"] = json!(rows);
    }
    Json(json!({ "MediaContainer": container })).into_response()
}

async fn accounts(State(shared): State<Shared>) -> Response {
    let people = shared.people.lock().expect("no test panics here");
    let rows: Vec<Value> =
        people.iter().map(|person| json!({ "id": person.number, "name": person.name })).collect();
    Json(json!({ "MediaContainer": { "size": rows.len(), "Account": rows } })).into_response()
}

async fn socket(
    State(shared): State<Shared>,
    Extension(up): Extension<Listening>,
    upgrade: WebSocketUpgrade,
) -> Response {
    upgrade.on_upgrade(|socket| shared.sockets.serve(socket, up.0, |_| None))
}

async fn events(State(shared): State<Shared>) -> Response {
    let pushed = stream::unfold(shared.events.subscribe(), |mut events| async {
        let text = events.recv().await.ok()?;
        Some((Ok::<_, std::convert::Infallible>(Event::default().event("playing").data(text)), events))
    });
    let first = stream::once(async { Ok(Event::default().event("ping").data("{}")) });
    Sse::new(first.chain(pushed)).into_response()
}
