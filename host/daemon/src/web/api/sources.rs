//! `/api/v1/sources`: the connections to the servers.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::web::api::context::Api;

/// All sources that have a connection, with its status, and what is wrong with a changed configuration.
pub(crate) async fn list(State(api): State<Arc<Api>>) -> Json<Value> {
    let connections = api.connections.all();
    let sources: Vec<Value> = connections
        .iter()
        .map(|(source, status)| {
            let mut row = json!(status.report());
            row["source"] = json!(source);
            row
        })
        .collect();
    Json(json!({ "sources": sources, "configuration": api.connections.config_error() }))
}
