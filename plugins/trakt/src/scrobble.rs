//! `/scrobble/*`: what happens now.

use playrelay_sdk::capability::sink::Event;
use playrelay_sdk::failure;
use playrelay_sdk::host::types::{Failure, Outcome, Receipt};
use playrelay_sdk::http::Response;
use playrelay_sdk::tracker::{
    self, already_watched, receipt, taken_back, unmatched, with_remaining_episodes,
};
use serde_json::{Value, json};

use crate::item_body::DOUBTFUL;
use crate::response::NAME;
use crate::{api, history, item_body, playback, response, search};

/// Trakt counts a stop above 80 % as watched; the documents do not say what happens at 80 % itself. Percent.
const WATCHED_PERCENT: f64 = 80.01;
/// The most that a stop may have without being counted. Percent.
const JUST_UNWATCHED: f64 = 79.9;
/// Below this Trakt refuses to keep a resume point. Percent.
const MIN_RESUME_PERCENT: f64 = 1.0;

/// It plays.
pub fn start(event: &Event, progress: f64) -> Result<Receipt, Failure> {
    submit("/scrobble/start", event, progress.clamp(0.0, 100.0))
}

/// It is paused, or ended without being watched: whatever the position, this must not become a watch.
pub fn stop_unwatched(event: &Event, progress: f64) -> Result<Receipt, Failure> {
    if progress < MIN_RESUME_PERCENT {
        return Ok(receipt(Outcome::Unsupported, "Trakt keeps no resume point below 1 %"));
    }
    submit("/scrobble/stop", event, progress.min(JUST_UNWATCHED))
}

/// It was watched, just now. What counts is the host's judgement, also below Trakt's own threshold.
pub fn stop_watched(event: &Event, progress: f64) -> Result<Receipt, Failure> {
    let first = submit("/scrobble/stop", event, progress.clamp(WATCHED_PERCENT, 100.0))?;
    with_remaining_episodes(event, first, history::add_numbers)
}

fn submit(path: &str, event: &Event, progress: f64) -> Result<Receipt, Failure> {
    let mut tried = Vec::new();
    let mut refused = None;
    for variant in item_body::variants(&event.item) {
        if variant.is_doubtful && !search::is_of_item(&event.item)? {
            tried.push(DOUBTFUL);
            continue;
        }
        let mut body = variant.fields;
        body.insert("progress".to_owned(), json!((progress * 100.0).round() / 100.0));
        let response = api::post(path, &Value::Object(body))?;
        match response.status {
            404 => tried.push(variant.name),
            409 => return Ok(already_watched(NAME, &response)),
            // Of a watch it may be the way in which the item is named that Trakt does not take.
            422 if progress >= WATCHED_PERCENT && path == "/scrobble/stop" => {
                refused = Some(response::refused(&response));
            }
            422 => {
                let words = failure::words(&response).map(|words| format!(": {words}")).unwrap_or_default();
                let note = format!("Trakt takes no {progress:.1} % here (422{words})");
                return Ok(receipt(Outcome::Unsupported, note));
            }
            _ => match response::failure(&response) {
                Some(failure) => return Err(failure),
                None => return accepted(event, &response, path, progress),
            },
        }
    }
    match refused {
        Some(refused) => Err(Failure::Rejected(refused)),
        None => Ok(unmatched(NAME, &event.item, &tried)),
    }
}

fn accepted(event: &Event, response: &Response, path: &str, progress: f64) -> Result<Receipt, Failure> {
    let answer: Value = response.json()?;
    let action = answer["action"].as_str().unwrap_or_default();
    let counted = matches!(action, "scrobble" | "stop");
    if path == "/scrobble/stop" && progress >= WATCHED_PERCENT && !counted {
        return Err(failure::retry(format!(
            "Trakt took the stop at {progress:.1} % as \u{201c}{action}\u{201d}"
        )));
    }
    let receipt = tracker::accepted(NAME, event, &answer);
    Ok(taken_back(receipt, |id| match action {
        "scrobble" | "stop" => Some(history::remove_play(id)),
        "pause" => Some(playback::remove(id)),
        _ => None,
    }))
}
