//! `/scrobble/*`: what happens now.

use playrelay_sdk::capability::sink::Event;
use playrelay_sdk::failure;
use playrelay_sdk::host::types::{Failure, Outcome, Receipt};
use playrelay_sdk::tracker::{accepted, post, receipt, taken_back, unmatched, with_remaining_episodes};
use serde_json::{Value, json};

use crate::response::NAME;
use crate::{history, item_body, response};

/// From here on MDBList counts a stop as watched, and a start too. Percent.
const WATCHED_PERCENT: f64 = 80.0;
/// The most that anything else may have without being counted. Percent.
const JUST_UNWATCHED: f64 = 79.9;

/// It plays.
pub fn start(event: &Event, progress: f64) -> Result<Receipt, Failure> {
    if progress >= WATCHED_PERCENT {
        let note = "MDBList counts a start from 80 % on as watched, so it is not told of this one";
        return Ok(receipt(Outcome::Unsupported, note));
    }
    submit("start", event, progress)
}

/// It is paused.
pub fn pause(event: &Event, progress: f64) -> Result<Receipt, Failure> {
    submit("pause", event, progress.min(JUST_UNWATCHED))
}

/// It ended without being watched: whatever the position, this must not become a watch.
pub fn stop_unwatched(event: &Event, progress: f64) -> Result<Receipt, Failure> {
    submit("stop", event, progress.min(JUST_UNWATCHED))
}

/// It was watched, just now. What counts is the host's judgement, also below MDBList's own threshold.
pub fn stop_watched(event: &Event, progress: f64) -> Result<Receipt, Failure> {
    let first = submit("stop", event, progress.max(WATCHED_PERCENT))?;
    with_remaining_episodes(event, first, history::add_numbers)
}

fn submit(verb: &str, event: &Event, progress: f64) -> Result<Receipt, Failure> {
    let progress = progress.clamp(0.0, 100.0);
    let mut tried = Vec::new();
    for variant in item_body::variants(&event.item) {
        let mut body = variant.fields;
        body.insert("progress".to_owned(), json!((progress * 100.0).round() / 100.0));
        let response = post(&format!("/scrobble/{verb}"), &Value::Object(body))?;
        if response.status == 404 {
            tried.push(variant.name);
            continue;
        }
        let mut answer: Value = response::require_success(response)?.json()?;
        for kind in ["movie", "show", "episode"] {
            if answer[kind].is_object() {
                answer[kind]["ids"] = item_body::plain_ids(&answer[kind]["ids"]);
            }
        }
        let action = answer["action"].as_str().unwrap_or_default().to_owned();
        if verb == "stop" && progress >= WATCHED_PERCENT && !matches!(action.as_str(), "scrobble" | "stop") {
            return Err(failure::retry(format!(
                "MDBList took the stop at {progress:.1} % as \u{201c}{action}\u{201d}"
            )));
        }
        return Ok(taken_back(accepted(NAME, event, &answer), |id| match action.as_str() {
            "start" | "pause" => Some(clear(id)),
            _ => Some(Ok(false)),
        }));
    }
    Ok(unmatched(NAME, &event.item, &tried))
}

/// Ends a session by MDBList's own id of it.
fn clear(id: &str) -> Result<bool, Failure> {
    let Ok(id) = id.parse::<u64>() else { return Ok(false) };
    let answer: Value = response::require_success(post("/scrobble/clear", &json!({ "id": id }))?)?.json()?;
    Ok(answer["deleted"] == true)
}
