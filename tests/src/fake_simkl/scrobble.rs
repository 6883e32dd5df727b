//! `/scrobble/start|pause|stop`

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::fake_simkl::matching;
use crate::fake_simkl::world::{Shared, failure};

/// A second stop within this is a 409.
const DUPLICATE_WINDOW: SignedDuration = SignedDuration::from_hours(1);
/// The id of every resume point.
pub(super) const PAUSE_ID: u64 = 1_123_123_124_120;
/// From here on a stop is a watch. Percent.
const WATCHED_PERCENT: f64 = 80.0;

pub(super) async fn scrobble(
    State(shared): State<Shared>,
    Path(verb): Path<String>,
    Json(body): Json<Value>,
) -> Response {
    let now = shared.clock.now();
    let mut world = shared.world();
    let Some(entry) = matching::find(&world.catalogue, &body).cloned() else {
        return failure(404, "id_err");
    };
    let Some(progress) = body["progress"].as_f64() else { return failure(400, "empty_field") };
    let mut answer = matching::describe(&entry);
    answer["progress"] = json!(progress);
    let last_progress = world.last_progress;
    let library = &mut world.library;
    match verb.as_str() {
        "start" => {
            (answer["id"], answer["action"]) = (json!(0), json!("start"));
            // What it replaces is counted where it had come far enough.
            if let Some((before, at)) = library.watching.take().zip(last_progress)
                && before != entry
                && at >= WATCHED_PERCENT
            {
                library.add_play(before, now, true);
            }
            library.watching = Some(entry);
            world.last_progress = Some(progress);
        }
        "pause" | "stop" if progress >= WATCHED_PERCENT => {
            if let Some(last) = library.last_watch(&entry)
                && now.duration_since(last) < DUPLICATE_WINDOW
            {
                let expires = last + DUPLICATE_WINDOW;
                let body = json!({ "error": "already_watched", "watched_at": last.to_string(),
                    "expires_at": expires.to_string() });
                return (StatusCode::CONFLICT, Json(body)).into_response();
            }
            if verb == "stop" {
                (answer["id"], answer["action"]) = (json!(1_123_123_124_199_u64), json!("scrobble"));
                // A rewatch is nothing new to the history.
                if library.last_watch(&entry).is_none() {
                    // What is watched is no longer planned.
                    library.remove_from_watchlist(entry.title());
                    library.add_play(entry, now, true);
                }
            } else {
                (answer["id"], answer["action"]) = (json!(1), json!("pause"));
            }
        }
        "pause" | "stop" => {
            (answer["id"], answer["action"]) = (json!(PAUSE_ID), json!("pause"));
            library.add_resume_point(entry, progress);
        }
        _ => return StatusCode::NOT_FOUND.into_response(),
    }
    (StatusCode::CREATED, Json(answer)).into_response()
}
