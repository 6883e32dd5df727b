//! A Jellyfin or an Emby server that answers look-ups, as far as Playrelay asks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};

use crate::faults::Faults;
use crate::server::{Cut, Server};

/// The API key that it takes.
pub const TOKEN: &str = "media-browser-key-0123456789";

/// Which of the two it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// The key comes in `Authorization: MediaBrowser … Token="…"`.
    Jellyfin,
    /// The key comes in `X-Emby-Token`, and the API lies below `/emby`.
    Emby,
}

#[derive(Clone)]
struct Shared {
    family: Family,
    items: Arc<Mutex<HashMap<String, Value>>>,
    sessions: Arc<Mutex<Vec<Value>>>,
    asked: Arc<Mutex<Vec<String>>>,
    faults: Faults,
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
        let shared = Shared {
            family,
            items: Arc::default(),
            sessions: Arc::default(),
            asked: Arc::default(),
            faults: Faults::default(),
        };
        let api = Router::new()
            .route("/Items", get(items))
            .route("/Items/{id}/Ancestors", get(ancestors))
            .route("/Sessions", get(sessions));
        let router = match family {
            Family::Jellyfin => api,
            Family::Emby => Router::new().nest("/emby", api),
        };
        Self { server: Server::start(router.with_state(shared.clone())).await, shared }
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
}

impl Shared {
    fn admits(&self, headers: &HeaderMap) -> bool {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        match self.family {
            Family::Jellyfin => {
                let value = header("authorization");
                value.starts_with("MediaBrowser ") && value.contains(&format!("Token=\"{TOKEN}\""))
            }
            Family::Emby => header("x-emby-token") == TOKEN,
        }
    }

    fn note(&self, what: String) {
        self.asked.lock().expect("no test panics here").push(what);
    }
}

async fn items(
    State(shared): State<Shared>,
    cut: axum::Extension<Cut>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let ids = query.get("Ids").cloned().unwrap_or_default();
    shared.note(ids.clone());
    if let Some(fault) = shared.faults.take("/Items") {
        match fault.answer() {
            Some(answer) => return answer,
            None => cut.now().await,
        }
    }
    if !shared.admits(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let known = shared.items.lock().expect("no test panics here");
    let found: Vec<Value> = ids.split(',').filter_map(|id| known.get(id).cloned()).collect();
    axum::Json(json!({ "TotalRecordCount": found.len(), "StartIndex": 0, "Items": found })).into_response()
}

async fn sessions(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    shared.note("sessions".to_owned());
    if !shared.admits(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let sessions = shared.sessions.lock().expect("no test panics here").clone();
    axum::Json(sessions).into_response()
}

async fn ancestors(State(shared): State<Shared>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    shared.note(format!("of {id}"));
    if !shared.admits(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let known = shared.items.lock().expect("no test panics here");
    let library = known.get(&id).map(|dto| dto["_library"].clone()).unwrap_or_default();
    axum::Json(json!([
        { "Type": "Folder", "Name": "somewhere" },
        { "Type": "CollectionFolder", "Name": library },
        { "Type": "UserRootFolder", "Name": "Media Folders" },
    ]))
    .into_response()
}
