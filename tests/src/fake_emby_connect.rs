//! Emby Connect: who somebody is, and which servers they have.
//!
//! Known lies:
//! - one person, whose servers are what a test says.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use serde_json::{Value, json};

use crate::fake_playback::PASSWORD;
use crate::server::Server;

/// What a server takes in place of a login, from who comes from Emby Connect.
pub const ACCESS_KEY: &str = "emby-access-key-0123456789";
const CONNECT_TOKEN: &str = "emby-connect-token-0123456789";

/// A running Emby Connect.
pub struct FakeEmbyConnect {
    /// The HTTP server.
    pub server: Server,
}

impl FakeEmbyConnect {
    /// Starts one that knows servers of these names, at these addresses: at home, and from outside.
    pub async fn start(servers: &[(&str, &str, &str)]) -> Self {
        let servers: Vec<Value> = servers
            .iter()
            .map(|(name, local, url)| {
                json!({ "Name": name, "SystemId": crate::emby_webhook::SERVER_ID, "LocalAddress": local, "Url": url, "AccessKey": ACCESS_KEY })
            })
            .collect();
        let router = Router::new()
            .route("/service/user/authenticate", post(authenticate))
            .route("/service/servers", get(list))
            .with_state(servers);
        Self { server: Server::of("emby-connect", router).await }
    }
}

async fn authenticate(headers: HeaderMap, Form(form): Form<Vec<(String, String)>>) -> Response {
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    if !headers.contains_key("x-application") {
        return StatusCode::BAD_REQUEST.into_response();
    }
    if (field("nameOrEmail"), field("rawpw")) != (Some("mia@example.org"), Some(PASSWORD)) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    Json(json!({ "AccessToken": CONNECT_TOKEN, "User": { "Id": "4711", "Name": "mia" } })).into_response()
}

async fn list(State(servers): State<Vec<Value>>, headers: HeaderMap) -> Response {
    let token = headers.get("x-connect-usertoken").and_then(|token| token.to_str().ok());
    if token != Some(CONNECT_TOKEN) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    Json(servers).into_response()
}
