//! `/api/v1/outbox`: what waits, and what a person says of it.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use playrelay_engine::outbox::{DeliveryState, OutboxCommand, OutboxSelection};
use playrelay_util::clock;
use serde_json::json;

use crate::web::api::context::Api;
use crate::web::api::error::error_response;

/// Rows of an answer.
const MAX_ROWS: u32 = 500;

/// `?state=dead&limit=50`
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let state = match query.get("state") {
        None => None,
        Some(name) => match DeliveryState::ALL.into_iter().find(|state| state.as_str() == name) {
            Some(state) => Some(state),
            None => {
                let known = DeliveryState::ALL.map(DeliveryState::as_str).join(", ");
                return error_response(
                    StatusCode::BAD_REQUEST,
                    format!("state is {name:?}; expected one of {known}"),
                );
            }
        },
    };
    let limit = query.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(50).min(MAX_ROWS);
    match api.store.outbox(state, limit).await {
        Ok(rows) => Json(json!({ "events": rows })).into_response(),
        Err(error) => error_response(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    }
}

/// `POST /api/v1/outbox/17/retry`, `…/drop`
pub(crate) async fn command(
    State(api): State<Arc<Api>>,
    Path((id, command)): Path<(i64, String)>,
) -> Response {
    let command = match command.as_str() {
        "retry" => OutboxCommand::Retry,
        "drop" => OutboxCommand::Drop,
        other => {
            let text = format!("{other:?} is not a command; expected \"retry\" or \"drop\"");
            return error_response(StatusCode::NOT_FOUND, text);
        }
    };
    match api.store.apply_command(OutboxSelection::One(id), command, clock::now()).await {
        Ok(0) => {
            error_response(StatusCode::NOT_FOUND, format!("there is no event {id}, or it has been delivered"))
        }
        Ok(count) => Json(json!({ "changed": count })).into_response(),
        Err(error) => error_response(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    }
}
