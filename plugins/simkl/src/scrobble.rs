//! `/scrobble/*`: what happens now.

use playrelay_sdk::capability::sink::Event;
use playrelay_sdk::failure;
use playrelay_sdk::host::types::{Failure, Outcome, Receipt};
use playrelay_sdk::http::{self, Method, Response};
use playrelay_sdk::tracker::{
    accepted, already_watched, post, taken_back, unmatched, with_remaining_episodes,
};
use serde_json::{Value, json};

use crate::response::NAME;
use crate::{history, item_body, response};

/// From here on SIMKL counts a stop as watched. Percent.
const WATCHED_PERCENT: f64 = 80.0;
/// The most that a stop may have without being counted. Percent.
const JUST_UNWATCHED: f64 = 79.99;

/// It plays. From 80 % on SIMKL would count what a later start replaces.
pub fn start(event: &Event, progress: f64) -> Result<Receipt, Failure> {
    submit("start", event, progress.min(JUST_UNWATCHED))
}

/// It is paused. A pause never counts, whatever its position; from 80 % on it may be answered as watched before.
pub fn pause(event: &Event, progress: f64) -> Result<Receipt, Failure> {
    submit("pause", event, progress.min(JUST_UNWATCHED))
}

/// It ended without being watched: whatever the position, this must not become a watch.
pub fn stop_unwatched(event: &Event, progress: f64) -> Result<Receipt, Failure> {
    submit("stop", event, progress.min(JUST_UNWATCHED))
}

/// It was watched, just now. What counts is the host's judgement, also below SIMKL's own threshold.
pub fn stop_watched(event: &Event, progress: f64) -> Result<Receipt, Failure> {
    let first = submit("stop", event, progress.max(WATCHED_PERCENT))?;
    if !history::counts_rewatches() || first.outcome != Outcome::Accepted {
        return with_remaining_episodes(event, first, history::add_numbers);
    }
    // A stop counts the first watch only. SIMKL takes no second one within two days, so the first is not counted twice.
    let again = history::add(event)?;
    let notes = [first.note, again.note.map(|note| format!("as a rewatch: {note}"))];
    Ok(Receipt { note: Some(notes.into_iter().flatten().collect::<Vec<_>>().join("; ")), ..first })
}

fn submit(verb: &str, event: &Event, progress: f64) -> Result<Receipt, Failure> {
    let progress = progress.clamp(0.0, 100.0);
    let counts = verb == "stop" && progress >= WATCHED_PERCENT;
    let mut tried = Vec::new();
    for variant in item_body::variants(&event.item) {
        let mut body = variant.fields;
        body.insert("progress".to_owned(), json!((progress * 100.0).round() / 100.0));
        let response = post(&format!("/scrobble/{verb}"), &Value::Object(body))?;
        match response.status {
            404 => tried.push(variant.name),
            409 => return Ok(already_watched(NAME, &response)),
            _ => match response::failure(&response) {
                Some(failure) => return Err(failure),
                None => return taken(event, &response, counts, progress),
            },
        }
    }
    Ok(unmatched(NAME, &event.item, &tried))
}

fn taken(event: &Event, response: &Response, counts: bool, progress: f64) -> Result<Receipt, Failure> {
    let answer: Value = response.json()?;
    let action = answer["action"].as_str().unwrap_or_default();
    if counts && !matches!(action, "scrobble" | "stop") {
        return Err(failure::retry(format!(
            "SIMKL took the stop at {progress:.1} % as \u{201c}{action}\u{201d}"
        )));
    }
    let receipt = accepted(NAME, event, &answer);
    // What was counted there can only be taken back with all plays of the title.
    Ok(taken_back(receipt, |id| match action {
        "pause" => Some(remove_resume_point(id)),
        "start" => None,
        _ => Some(Ok(false)),
    }))
}

fn remove_resume_point(id: &str) -> Result<bool, Failure> {
    let url = http::join_setting("api_url", &format!("/sync/playback/{id}"));
    response::require_success(http::send_empty(Method::Delete, &url, &[])?).map(|_| true)
}
