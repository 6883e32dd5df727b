//! `/api/v1/currently-watching`: current playback, in CrossWatch's form.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use playrelay_util::clock;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::exports::now_playing::NowPlaying;
use crate::web::api::context::Api;
use crate::web::api::problem::Problems;

/// Current playback.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct CurrentlyWatching {
    /// Always true.
    ok: bool,
    /// The stream for a display that shows one: one that plays, before those that are paused. Absent while nothing plays.
    #[schema(value_type = Option<Object>)]
    currently_watching: Option<Value>,
    /// How many streams there are.
    streams_count: usize,
    /// Now, in seconds since 1970.
    ts: i64,
    /// All streams: those that play first, each with its `_key`, `title`, `year`, `season`, `episode`, `progress` (whole percent),
    /// `state`, `account`, `ids`, `started` and `updated` (seconds since 1970).
    #[schema(value_type = Vec<Object>)]
    streams: Vec<Value>,
}

/// What plays now, as CrossWatch's API has it.
#[utoipa::path(
    get,
    path = "/api/v1/currently-watching",
    tag = "now playing",
    responses((status = 200, body = CurrentlyWatching), Problems)
)]
pub(super) async fn list(State(api): State<Arc<Api>>) -> Json<CurrentlyWatching> {
    Json(current(&api.board))
}

/// Current playback.
pub(super) fn current(board: &NowPlaying) -> CurrentlyWatching {
    let streams = board.entries().streams;
    let mut rows: Vec<(bool, i64, Value)> = Vec::new();
    for (key, stream) in &streams {
        let mut row = json!(stream);
        row["_key"] = json!(key);
        rows.push((stream.state == "playing", stream.updated, row));
    }
    rows.sort_by_key(|(playing, updated, _)| std::cmp::Reverse((*playing, *updated)));
    let rows: Vec<Value> = rows.into_iter().map(|(_, _, row)| row).collect();
    CurrentlyWatching {
        ok: true,
        currently_watching: rows.first().cloned(),
        streams_count: rows.len(),
        ts: clock::now().as_second(),
        streams: rows,
    }
}
