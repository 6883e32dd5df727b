//! `/api/v1/accounts`: logins, for pages. A login that was begun goes on by itself; a page asks how it stands.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use playrelay_plugin_host::account::Account;
use playrelay_store::AccountPause;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::auth::device_flow::LoginError;
use crate::auth::pending::BeginLogin;
use crate::auth::plugin_flow;
use crate::web::api::context::Api;
use crate::web::api::error::error_response;

/// The choice of a user.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Chosen {
    id: String,
}

/// All accounts, and how each stands.
pub(crate) async fn list(State(api): State<Arc<Api>>) -> Response {
    let mut accounts = Vec::new();
    for (name, account) in &api.logins.accounts.all() {
        match describe(&api, name, account).await {
            Ok(account) => accounts.push(account),
            Err(error) => return error_response(StatusCode::SERVICE_UNAVAILABLE, error),
        }
    }
    Json(json!({ "accounts": accounts })).into_response()
}

async fn describe(api: &Api, name: &str, account: &Account) -> Result<Value, String> {
    let parked = api.store.pause(name).await.map_err(|error| error.to_string())?;
    let (parked, until) = match parked {
        None => (None, None),
        Some(AccountPause::Until { until, reason, .. } | AccountPause::Blocked { until, reason }) => {
            (Some(reason), Some(until))
        }
        Some(AccountPause::Login { reason }) => (Some(reason), None),
    };
    let left = match account.outbound.meter() {
        Some(meter) => Some(meter.remaining().await.map_err(|error| error.to_string())?),
        None => None,
    };
    Ok(json!({
        "name": name, "plugin": account.manifest.plugin.id, "needs_login": account.needs_login(),
        "paused": parked, "paused_until": until, "requests_left": left.map(|(left, _)| left),
        "login_methods": plugin_flow::methods(account).map(|login| &login.methods),
        "requests_a_day": left.map(|(_, allowed)| allowed), "login": api.logins.status(name),
    }))
}

/// Begins a login. The body says how, where the plugin has several ways or a form.
pub(crate) async fn begin(State(api): State<Arc<Api>>, Path(name): Path<String>, body: Bytes) -> Response {
    let Some(account) = api.logins.accounts.get(&name) else { return unknown(&name) };
    let wish = match body.is_empty() {
        true => BeginLogin::default(),
        false => match serde_json::from_slice(&body) {
            Ok(wish) => wish,
            Err(error) => {
                return error_response(StatusCode::BAD_REQUEST, format!("the body cannot be read: {error}"));
            }
        },
    };
    match api.logins.begin(&account, wish).await {
        Ok(status) => (StatusCode::ACCEPTED, Json(status)).into_response(),
        Err(error @ LoginError::Form(_)) => error_response(StatusCode::BAD_REQUEST, error.to_string()),
        Err(error) => error_response(StatusCode::BAD_GATEWAY, error.to_string()),
    }
}

/// Goes on with what the user has chosen.
pub(crate) async fn choose(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
    Json(chosen): Json<Chosen>,
) -> Response {
    match api.logins.choose(&name, &chosen.id).await {
        Some(Ok(status)) => Json(status).into_response(),
        Some(Err(error)) => error_response(StatusCode::BAD_GATEWAY, error.to_string()),
        None => {
            error_response(StatusCode::CONFLICT, format!("no login for {name:?} is waiting for a choice"))
        }
    }
}

/// How a login stands that was begun.
pub(crate) async fn state(State(api): State<Arc<Api>>, Path(name): Path<String>) -> Response {
    match api.logins.status(&name) {
        Some(status) => Json(status).into_response(),
        None => error_response(StatusCode::NOT_FOUND, format!("no login of {name:?} was begun")),
    }
}

/// Ends a login: here, and at the service where that is possible.
pub(crate) async fn end(State(api): State<Arc<Api>>, Path(name): Path<String>) -> Response {
    let Some(account) = api.logins.accounts.get(&name) else { return unknown(&name) };
    match api.logins.end(&account).await {
        Ok(Some(parting)) => Json(json!({
            "forgotten": parting.was_logged_in, "at_the_service": parting.remains,
            "key_in_configuration": parting.has_key,
        }))
        .into_response(),
        Ok(None) => unknown(&name),
        Err(error) => error_response(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

fn unknown(name: &str) -> Response {
    error_response(StatusCode::NOT_FOUND, format!("there is no account {name:?}"))
}
