//! `/scrobble/start|pause|stop`

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::catalogue;
use crate::fake_trakt::world::{Play, Shared, Watching, ids};

/// A second stop within this is a 409.
const DUPLICATE_WINDOW: SignedDuration = SignedDuration::from_hours(1);
/// From here on a stop is a watch. Percent.
const WATCHED_PERCENT: f64 = 80.0;

pub(super) async fn scrobble(
    State(shared): State<Shared>,
    Path(verb): Path<String>,
    Json(body): Json<Value>,
) -> Response {
    let now = shared.clock.now();
    let mut world = shared.world();
    let Some(entry) = catalogue::find(&world.catalogue, &body).cloned() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let progress = body["progress"].as_f64().unwrap_or(0.0);
    if !(0.0..=100.0).contains(&progress) {
        return StatusCode::UNPROCESSABLE_ENTITY.into_response();
    }
    let mut answer = ids(&entry);
    answer["progress"] = json!(progress);
    answer.as_object_mut().expect("an object").remove("type");
    match verb.as_str() {
        "start" => {
            world.resume.retain(|(other, _)| *other != entry);
            world.watching = Some(Watching { entry, since: now });
            (answer["id"], answer["action"]) = (json!(0), json!("start"));
        }
        "pause" | "stop" if progress < 1.0 => return StatusCode::UNPROCESSABLE_ENTITY.into_response(),
        "pause" if progress >= WATCHED_PERCENT => return StatusCode::UNPROCESSABLE_ENTITY.into_response(),
        "stop" if progress >= WATCHED_PERCENT => {
            world.watching = None;
            world.resume.retain(|(other, _)| *other != entry);
            let last = world.history.iter().rfind(|play| play.entry == entry && play.action == "scrobble");
            if let Some(last) = last.filter(|last| now.duration_since(last.watched_at) < DUPLICATE_WINDOW) {
                let expires = last.watched_at + DUPLICATE_WINDOW;
                let body =
                    json!({ "watched_at": last.watched_at.to_string(), "expires_at": expires.to_string() });
                return (StatusCode::CONFLICT, Json(body)).into_response();
            }
            let id = world.new_id();
            (answer["id"], answer["action"]) = (json!(id), json!("scrobble"));
            world.history.push(Play { id, watched_at: now, action: "scrobble", entry });
        }
        "pause" | "stop" => {
            if verb == "stop" {
                world.watching = None;
            }
            world.resume.retain(|(other, _)| *other != entry);
            world.resume.push((entry.clone(), progress));
            let id = world.new_id();
            world.resume_ids.push((id, entry));
            (answer["id"], answer["action"]) = (json!(id), json!("pause"));
        }
        _ => return StatusCode::NOT_FOUND.into_response(),
    }
    (StatusCode::CREATED, Json(answer)).into_response()
}
