//! The configuration of Jellyfin's webhook plugin, and Emby's notifications.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::fake_mediabrowser::world::Shared;

pub(super) async fn list(State(shared): State<Shared>) -> Response {
    Json(shared.webhooks.lock().expect("no test panics here").clone()).into_response()
}

pub(super) async fn replace(State(shared): State<Shared>, Json(body): Json<Value>) -> StatusCode {
    *shared.webhooks.lock().expect("no test panics here") = body;
    StatusCode::NO_CONTENT
}

/// One that has an id is changed.
pub(super) async fn add(State(shared): State<Shared>, Json(mut body): Json<Value>) -> StatusCode {
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

/// As the server's own pages ask for it.
pub(super) async fn remove(
    State(shared): State<Shared>,
    Query(query): Query<HashMap<String, String>>,
) -> StatusCode {
    if shared.version() < (4, 9) {
        return StatusCode::METHOD_NOT_ALLOWED;
    }
    let mut webhooks = shared.webhooks.lock().expect("no test panics here");
    let list = webhooks.as_array_mut().expect("a list");
    let before = list.len();
    list.retain(|it| query.get("Id").is_none_or(|id| it["Id"] != **id));
    if list.len() < before { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND }
}
