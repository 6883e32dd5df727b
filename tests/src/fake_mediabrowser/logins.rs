//! Logins: codes, passwords, and what Emby Connect gave.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::fake_mediabrowser::family::Family;
use crate::fake_mediabrowser::library::person;
use crate::fake_mediabrowser::world::Shared;
use crate::fake_playback::Person;

/// Who logs in, unless a test says who.
const MIA: &str = "50e1109a03fd4e13a3a5dd9bb27e08e1";
const QUICK_SECRET: &str = "quick-connect-secret-0123456789";

/// Who asks for a login says who they are, in four words and as this server wants to be told.
fn introduces_itself(family: Family, headers: &HeaderMap) -> bool {
    let (name, scheme) = match family {
        Family::Jellyfin => ("authorization", "MediaBrowser "),
        Family::Emby => ("x-emby-authorization", "Emby "),
    };
    let told = headers.get(name).and_then(|told| told.to_str().ok()).unwrap_or_default();
    let words = ["Client=\"", "Device=\"", "DeviceId=\"", "Version=\""];
    told.starts_with(scheme) && words.iter().all(|it| told.contains(it))
}

fn token(shared: &Shared) -> Response {
    let token = shared.token.lock().expect("no test panics here").clone();
    let asker = shared.asker.lock().expect("no test panics here").clone();
    let me = asker.unwrap_or((Person { number: 2, guid: MIA, name: "mia" }, true));
    let user = person(shared.family, &me.0, me.1);
    Json(json!({ "AccessToken": token, "ServerId": shared.family.server_id(), "User": user })).into_response()
}

pub(super) async fn initiate(State(shared): State<Shared>, method: Method, headers: HeaderMap) -> Response {
    // Of 10.8, it was a GET.
    if (method == Method::GET) != (shared.version() < (10, 9)) {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    if let Some(answer) = shared.faults.take("/QuickConnect").and_then(|fault| fault.answer()) {
        return answer;
    }
    if !introduces_itself(shared.family, &headers) {
        return StatusCode::BAD_REQUEST.into_response();
    }
    Json(json!({ "Secret": QUICK_SECRET, "Code": "135790", "Authenticated": false })).into_response()
}

/// Somebody enters the code between the first question and the second.
pub(super) async fn connect(
    State(shared): State<Shared>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    if query.get("secret").map(String::as_str) != Some(QUICK_SECRET) {
        return StatusCode::NOT_FOUND.into_response();
    }
    shared.note("quick connect".to_owned());
    let asked = shared.asked.lock().expect("no test panics here");
    let times = asked.iter().filter(|what| *what == "quick connect").count();
    Json(json!({ "Secret": QUICK_SECRET, "Code": "135790", "Authenticated": times > 1 })).into_response()
}

pub(super) async fn with_quick_connect(State(shared): State<Shared>, Json(body): Json<Value>) -> Response {
    if body["Secret"] == QUICK_SECRET { token(&shared) } else { StatusCode::UNAUTHORIZED.into_response() }
}

pub(super) async fn by_name(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let password = shared.password.lock().expect("no test panics here").clone();
    // Names of fields may be written in any case.
    let field = |wanted: &str| {
        let fields = body.as_object().into_iter().flatten();
        fields
            .into_iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .map_or(Value::Null, |(_, it)| it.clone())
    };
    let is_known = field("Username") == "mia" && field("Pw") == password.as_str();
    match (introduces_itself(shared.family, &headers), is_known) {
        (false, _) => StatusCode::BAD_REQUEST.into_response(),
        (true, false) => StatusCode::UNAUTHORIZED.into_response(),
        (true, true) => token(&shared),
    }
}

pub(super) async fn exchange(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let key = headers.get("x-emby-token").and_then(|key| key.to_str().ok());
    if key != Some(crate::fake_emby_connect::ACCESS_KEY) || !query.contains_key("ConnectUserId") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let token = shared.token.lock().expect("no test panics here").clone();
    Json(json!({ "AccessToken": token, "LocalUserId": MIA })).into_response()
}

pub(super) async fn log_out(State(shared): State<Shared>) -> StatusCode {
    shared.note("log out".to_owned());
    StatusCode::NO_CONTENT
}
