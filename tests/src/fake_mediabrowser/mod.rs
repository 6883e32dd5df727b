//! A Jellyfin or an Emby server, as far as Playrelay asks: its library, its sessions and what it tells of them, its history.
//!
//! Known lies:
//! - any password but one is wrong for everybody, and every token sees all sessions;
//! - lists are filtered by the parameters that Playrelay sends, and by no others;
//! - items are what a test adds: there are no folders, and no user data but that of plays.

mod casing;
mod control;
mod family;
mod library;
mod listed;
mod logins;
mod sessions;
mod webhooks;
mod world;

use std::sync::{Arc, Mutex};

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
pub use family::Family;
use jiff::Timestamp;
use serde_json::{Value, json};
pub use world::TOKEN;
use world::{Played, Shared};

use crate::clock::Clock;
pub use crate::fake_playback::PASSWORD;
use crate::fake_playback::{Person, Title};
use crate::faults::Faults;
use crate::server::{Disconnect, Listening, Server};
use crate::service::{header, parameter};
use crate::sockets::Sockets;

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
            asker: Arc::default(),
            played: Arc::default(),
            segments: Arc::default(),
            asked: Arc::default(),
            token: Arc::new(Mutex::new(TOKEN.to_owned())),
            password: Arc::new(Mutex::new(PASSWORD.to_owned())),
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
            .route("/Items", get(library::items))
            .route("/Items/{id}/Ancestors", get(library::ancestors))
            .route("/Users", get(library::users))
            .route("/Users/Query", get(library::users_query))
            .route("/MediaSegments/{id}", get(library::segments))
            .route("/Users/{id}", get(library::user))
            .route("/Users/{id}/Items", get(library::users_items))
            .route("/Sessions", get(sessions::list))
            .route("/Sessions/Logout", post(logins::log_out))
            .route("/Plugins/{id}/Configuration", get(webhooks::list).post(webhooks::replace))
            .route(
                "/Notifications/Services/Configured",
                get(webhooks::list).post(webhooks::add).delete(webhooks::remove),
            )
            .layer(middleware::from_fn_with_state(shared.clone(), require_token))
            .route("/System/Info/Public", get(info))
            .route("/QuickConnect/Initiate", get(logins::initiate).post(logins::initiate))
            .route("/QuickConnect/Enabled", get(|| async { Json(true) }))
            .route("/QuickConnect/Connect", get(logins::connect))
            .route("/Users/AuthenticateWithQuickConnect", post(logins::with_quick_connect))
            .route("/Users/AuthenticateByName", post(logins::by_name))
            .route("/Connect/Exchange", get(logins::exchange));
        let router = match family {
            Family::Jellyfin => api.route("/socket", get(socket)),
            Family::Emby => Router::new().nest("/emby", api).route("/embywebsocket", get(socket)),
        };
        let router = casing::ignored(router.with_state(shared.clone()));
        Self { server: Server::of(family.name(), router).await, shared }
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

    /// Says where the closing credits of an item are: from and to, in ms.
    pub fn mark_credits(&self, id: &str, from: u64, to: u64) {
        self.shared.segments.lock().expect("no test panics here").insert(id.to_owned(), (from, to));
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

    /// From here on this is everybody's password.
    pub fn set_password(&self, password: &str) {
        password.clone_into(&mut self.shared.password.lock().expect("no test panics here"));
    }

    /// From here on the token is a person's, who administrates the server or does not.
    pub fn set_token_owner(&self, person: &Person, is_administrator: bool) {
        *self.shared.asker.lock().expect("no test panics here") = Some((person.clone(), is_administrator));
    }

    /// From here on this is its version.
    pub fn set_version(&self, version: &str) {
        version.clone_into(&mut self.shared.version.lock().expect("no test panics here"));
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

    /// Whose the token is, where they see nothing but their own.
    fn limited_to(&self) -> Option<Person> {
        let asker = self.asker.lock().expect("no test panics here").clone();
        asker.filter(|(_, is_administrator)| !is_administrator).map(|(person, _)| person)
    }

    /// Its first two numbers.
    fn version(&self) -> (u32, u32) {
        let version = self.version.lock().expect("no test panics here").clone();
        let mut numbers = version.split('.').map(|part| part.parse().expect("a number"));
        (numbers.next().expect("a number"), numbers.next().expect("a second number"))
    }

    fn note(&self, what: String) {
        self.asked.lock().expect("no test panics here").push(what);
    }
}

async fn require_token(State(shared): State<Shared>, request: Request, next: Next) -> Response {
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
            None => parts.extensions.get::<Disconnect>().expect("the server puts it there").now().await,
        }
    }
    if !shared.admits(&parts) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    next.run(Request::from_parts(parts, body)).await
}

async fn info(State(shared): State<Shared>) -> Response {
    let version = shared.version.lock().expect("no test panics here").clone();
    let name = if shared.family == Family::Jellyfin { "Attic" } else { "Cellar" };
    Json(json!({ "Id": shared.family.server_id(), "ServerName": name, "Version": version })).into_response()
}

async fn socket(
    State(shared): State<Shared>,
    Extension(up): Extension<Listening>,
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
