//! `/api/v1/currently-watching`: current playback.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use playrelay_util::clock;
use serde_json::{Value, json};

use crate::web::api::context::Api;

/// All streams, and the one for a display that shows one.
pub(super) async fn list(State(api): State<Arc<Api>>) -> Json<Value> {
    let streams = api.board.entries().streams;
    let mut rows: Vec<(bool, i64, Value)> = Vec::new();
    for (key, stream) in &streams {
        let mut row = json!(stream);
        row["_key"] = json!(key);
        rows.push((stream.state == "playing", stream.updated, row));
    }
    rows.sort_by_key(|(playing, updated, _)| std::cmp::Reverse((*playing, *updated)));
    let rows: Vec<Value> = rows.into_iter().map(|(_, _, row)| row).collect();
    Json(json!({
        "ok": true, "currently_watching": rows.first(), "streams_count": rows.len(),
        "ts": clock::now().as_second(), "streams": rows,
    }))
}
