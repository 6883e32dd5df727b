//! `/api/v1/status`: how all stands.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use playrelay_store::watermarks;
use playrelay_store::watermarks::Watermark;
use serde::Serialize;
use utoipa::ToSchema;

use crate::operations::status;
use crate::web::api::context::Api;
use crate::web::api::problem::{Problem, Problems};

/// How all stands.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Status {
    /// The version of the program.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// When the daemon was started; absent if that could not be stored.
    started_at: Option<Timestamp>,
    /// What is wrong with a configuration that was changed, and is not taken over; absent if nothing is.
    configuration_error: Option<String>,
    /// Bytes of the database.
    database_bytes: u64,
    /// The sources of the configuration.
    sources: Vec<SourceStatus>,
    /// The trackers of the configuration.
    trackers: Vec<TrackerStatus>,
    /// Users of whom it is not known where their plays go.
    held_users: Vec<String>,
}

/// A source.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SourceStatus {
    /// The name in the configuration.
    #[schema(example = "home")]
    name: String,
    /// When it was heard last; absent if never.
    last_heard: Option<Timestamp>,
    /// Whether it has the login that it needs.
    logged_in: bool,
}

/// A tracker.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TrackerStatus {
    /// The name in the configuration.
    #[schema(example = "bob")]
    name: String,
    /// Whether it has the login that it needs.
    logged_in: bool,
    /// Deliveries that wait.
    waiting: u32,
    /// Deliveries that failed for good.
    dead: u32,
    /// The last delivery, in words; absent if there was none.
    last_delivered: Option<String>,
    /// Why nothing is sent now, in words; absent where something is.
    paused: Option<String>,
}

/// What runs, who is logged in, and what waits.
#[utoipa::path(
    get,
    path = "/api/v1/status",
    tag = "operations",
    responses((status = 200, body = Status), Problems)
)]
pub(crate) async fn get(State(api): State<Arc<Api>>) -> Result<Json<Status>, Problem> {
    let app = api.app();
    let report = status::report(&app, true, |at| at.to_string()).await?;
    Ok(Json(Status {
        version: env!("CARGO_PKG_VERSION"),
        started_at: watermarks::read(&app.store, watermarks::DAEMON, Watermark::Started).await?,
        configuration_error: api.connections.config_error(),
        database_bytes: app.store.size().await?,
        sources: report
            .sources
            .into_iter()
            .map(|source| SourceStatus {
                name: source.name,
                last_heard: source.last_heard,
                logged_in: source.logged_in,
            })
            .collect(),
        trackers: report
            .trackers
            .into_iter()
            .map(|tracker| TrackerStatus {
                name: tracker.name,
                logged_in: tracker.logged_in,
                waiting: tracker.waiting,
                dead: tracker.dead,
                last_delivered: tracker.last_delivered,
                paused: tracker.paused,
            })
            .collect(),
        held_users: report.held,
    }))
}
