//! Logins: a code for another device, and refresh tokens that serve once.

use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::fake_trakt::logins::Approval;
use crate::fake_trakt::world::{CLIENT_ID, Shared};

/// How long a code is good. Seconds.
const CODE_LIFE: i64 = 600;
/// How often it may be polled.
const INTERVAL: Duration = Duration::from_secs(1);

pub(super) async fn code(State(shared): State<Shared>, Json(body): Json<Value>) -> Response {
    if body["client_id"] != CLIENT_ID {
        return (StatusCode::FORBIDDEN, Json(json!({ "error": "invalid_client" }))).into_response();
    }
    let now = shared.clock.now();
    let url = format!("{}/activate", shared.own_url());
    let calls = shared.calls().len();
    let mut world = shared.world();
    let code = format!("device-code-{calls:052}");
    world.logins.given.push(code.clone());
    world.logins.code = Some((code.clone(), now + SignedDuration::from_secs(CODE_LIFE)));
    world.logins.polls = 0;
    Json(json!({
        "device_code": code, "user_code": "5055CC52", "verification_url": url, "expires_in": CODE_LIFE,
        "interval": INTERVAL.as_secs(),
    }))
    .into_response()
}

pub(super) async fn token(State(shared): State<Shared>, Json(body): Json<Value>) -> Response {
    let now = shared.clock.now();
    let mut world = shared.world();
    let logins = &mut world.logins;
    let Some((code, expires)) = logins.code.clone().filter(|(code, _)| body["code"] == **code) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if now >= expires {
        return StatusCode::GONE.into_response();
    }
    // A network delays some polls more than others: only half the interval is certainly too soon.
    let too_soon = logins.last_poll.replace(Instant::now()).is_some_and(|last| last.elapsed() < INTERVAL / 2);
    if too_soon {
        return StatusCode::TOO_MANY_REQUESTS.into_response();
    }
    logins.polls += 1;
    let granted = match logins.approval {
        Approval::Denied => return StatusCode::IM_A_TEAPOT.into_response(),
        Approval::AtOnce => true,
        Approval::After(polls) => logins.polls > polls,
        Approval::Never => false,
    };
    if !granted {
        return StatusCode::BAD_REQUEST.into_response();
    }
    drop(code);
    logins.code = None;
    logins.give(now)
}

pub(super) async fn refresh(State(shared): State<Shared>, Json(body): Json<Value>) -> Response {
    let now = shared.clock.now();
    let mut world = shared.world();
    let known = world.logins.refresh.as_deref().is_some_and(|refresh| body["refresh_token"] == refresh);
    if body["grant_type"] != "refresh_token" || body["client_id"] != CLIENT_ID || !known {
        let error = json!({ "error": "invalid_grant", "error_description": "session not found" });
        return (StatusCode::BAD_REQUEST, Json(error)).into_response();
    }
    world.logins.give(now)
}

pub(super) async fn revoke(State(shared): State<Shared>, Json(body): Json<Value>) -> Response {
    let mut world = shared.world();
    if world.logins.access.as_deref().is_some_and(|access| body["token"] == access) {
        world.logins.access = None;
        world.logins.refresh = None;
    }
    Json(json!({})).into_response()
}
