//! `/api/v1/sources`: the connections to the servers.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::realtime::status::ConnectionReport;
use crate::web::api::context::Api;
use crate::web::api::problem::Problems;

/// The connection to a server.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SourceConnection {
    /// The source.
    #[schema(example = "home")]
    source: String,
    #[serde(flatten)]
    report: ConnectionReport,
}

/// All connections.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SourceConnections {
    /// By source: those that have a connection.
    sources: Vec<SourceConnection>,
    /// What is wrong with a configuration that was changed, and is not taken over; absent if nothing is.
    configuration: Option<String>,
}

/// All sources that have a connection, each with its status.
#[utoipa::path(
    get,
    path = "/api/v1/sources",
    tag = "sources",
    responses((status = 200, body = SourceConnections), Problems)
)]
pub(crate) async fn list(State(api): State<Arc<Api>>) -> Json<SourceConnections> {
    let connections = api.connections.all();
    let sources = connections
        .into_iter()
        .map(|(source, status)| SourceConnection { source, report: status.report() })
        .collect();
    Json(SourceConnections { sources, configuration: api.connections.config_error() })
}
