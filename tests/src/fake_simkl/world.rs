//! What SIMKL keeps.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde_json::json;

use crate::catalogue::Entry;
use crate::device_login::DeviceLogins;
use crate::service::Service;
use crate::user_library::Library;

pub(super) struct World {
    pub(super) catalogue: Vec<Entry>,
    pub(super) library: Library,
    pub(super) logins: DeviceLogins,
    pub(super) pin_polls: u32,
    pub(super) last_progress: Option<f64>,
    /// Whether a second watch counts where that is asked for: PRO and VIP.
    pub(super) counts_rewatches: bool,
    pub(super) last_write: Option<Timestamp>,
    pub(super) allowed: Option<u32>,
    pub(super) used: u32,
    pub(super) most_in_a_day: u32,
    pub(super) day: String,
    pub(super) too_fast: u32,
}

pub(super) type Shared = Service<World>;

pub(super) fn failure(status: u16, error: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    let body = json!({ "error": error, "code": status.as_u16(), "message": "as the documents say" });
    (status, Json(body)).into_response()
}
