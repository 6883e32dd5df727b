//! `/readyz` and `/metrics`, for those who watch over the daemon.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::ownership::Ownership;
use crate::web::api::context::Api;
use crate::web::api::problem::Problem;

/// The media type of OpenMetrics.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All numbers, for Prometheus.
pub(super) async fn metrics(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    let text = api.metrics.text(&api.app(), &api.connections).await?;
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response())
}

/// Whether all that is needed works: the database and its last write, the plugins, the configuration, the connections. Only the
/// database decides whether the daemon is ready: it goes on without the others.
pub(super) async fn ready(State(api): State<Arc<Api>>) -> Response {
    let app = api.app();
    let database = match app.store.is_writable().await {
        Ok(()) => Ok(()),
        Err(error) => {
            tracing::error!("not ready: {error}");
            Err("nothing can be stored now")
        }
    };
    let configuration = api.connections.config_error();
    let connections: serde_json::Map<_, _> = api
        .connections
        .all()
        .into_iter()
        .map(|(source, status)| {
            let report = status.report();
            (source, if report.connected { json!("ok") } else { json!(report.trouble) })
        })
        .collect();
    let household = match &*api.ownership.borrow() {
        Ownership::Owner(_) => "ok".to_owned(),
        Ownership::Standby { owner: Some(owner) } => format!("{owner} owns it"),
        Ownership::Standby { owner: None } => "its owner is gone, and another takes over".to_owned(),
    };
    let body = json!({
        "ready": database.is_ok(),
        "components": {
            "database": database.err().unwrap_or("ok"),
            "plugins": if app.waiting.is_empty() { json!("ok") } else { json!(app.waiting) },
            "configuration": configuration.map_or_else(|| json!("ok"), |error| json!(error)),
            "connections": connections,
            "household": household,
        },
    });
    let status = if database.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut answer = (status, Json(body)).into_response();
    if database.is_err() {
        answer.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("5"));
    }
    answer
}
