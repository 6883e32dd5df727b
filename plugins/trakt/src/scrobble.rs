//! `/scrobble/*`: what happens now.

use playrelay_sdk::capability::sink::Event;
use playrelay_sdk::failure;
use playrelay_sdk::host::types::{Failure, Outcome, Receipt};
use playrelay_sdk::http::Response;
use playrelay_sdk::tracker::{self, receipt, unmatched, watched_before, with_the_rest};
use serde_json::{Value, json};

use crate::{NAME, answer, api, body, history};

/// From here on Trakt counts a stop as watched. Percent.
const WATCHED: f64 = 80.0;
/// The most that a stop may have without being counted. Percent.
const JUST_UNWATCHED: f64 = 79.9;
/// Below this Trakt refuses to keep a resume point. Percent.
const LEAST_KEPT: f64 = 1.0;

/// It plays.
pub fn start(event: &Event, progress: f64) -> Result<Receipt, Failure> {
    submit("/scrobble/start", event, progress.clamp(0.0, 100.0))
}

/// It is paused, or ended without being watched: whatever the position, this must not become a watch.
pub fn stop_unwatched(event: &Event, progress: f64) -> Result<Receipt, Failure> {
    if progress < LEAST_KEPT {
        return Ok(receipt(Outcome::Unsupported, "Trakt keeps no resume point below 1 %"));
    }
    submit("/scrobble/stop", event, progress.min(JUST_UNWATCHED))
}

/// It was watched, just now. What counts is the host's judgement, also below Trakt's own threshold.
pub fn stop_watched(event: &Event, progress: f64) -> Result<Receipt, Failure> {
    let first = submit("/scrobble/stop", event, progress.clamp(WATCHED, 100.0))?;
    with_the_rest(event, first, history::add_numbers)
}

fn submit(path: &str, event: &Event, progress: f64) -> Result<Receipt, Failure> {
    let mut tried = Vec::new();
    for variant in body::variants(&event.item) {
        let mut body = variant.fields;
        body.insert("progress".to_owned(), json!((progress * 100.0).round() / 100.0));
        let response = api::post(path, &Value::Object(body))?;
        match response.status {
            404 => tried.push(variant.name),
            409 => return Ok(watched_before(NAME, &response)),
            // Of a watch it is the way in which the item is named that Trakt does not take.
            422 if progress >= WATCHED && path == "/scrobble/stop" => tried.push(variant.name),
            422 => {
                return Ok(receipt(
                    Outcome::Unsupported,
                    format!("Trakt takes no {progress:.1} % here (422)"),
                ));
            }
            _ => match answer::failure(&response) {
                Some(failure) => return Err(failure),
                None => return accepted(event, &response, path, progress),
            },
        }
    }
    Ok(unmatched(NAME, &tried))
}

fn accepted(event: &Event, response: &Response, path: &str, progress: f64) -> Result<Receipt, Failure> {
    let answer: Value = response.json()?;
    let action = answer["action"].as_str().unwrap_or_default();
    let counted = matches!(action, "scrobble" | "stop");
    if path == "/scrobble/stop" && progress >= WATCHED && !counted {
        return Err(failure::retry(format!(
            "Trakt took the stop at {progress:.1} % as \u{201c}{action}\u{201d}"
        )));
    }
    Ok(tracker::accepted(NAME, event, &answer))
}
