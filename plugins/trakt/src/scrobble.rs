//! `/scrobble/*`: what happens now.

use playrelay_sdk::capability::sink::{Event, Outcome, Receipt};
use playrelay_sdk::failure;
use playrelay_sdk::host::types::{ExternalId, Failure, Item, ItemKind};
use playrelay_sdk::http::Response;
use serde_json::{Value, json};

use crate::{answer, api, body, history, receipt};

/// From here on Trakt counts a stop as watched. Percent.
const WATCHED: f64 = 80.0;
/// The most that a stop may have without being counted. Percent.
const JUST_UNWATCHED: f64 = 79.9;
/// Below this Trakt refuses to keep a resume point. Percent.
const LEAST_KEPT: f64 = 1.0;

/// It plays.
pub fn start(event: &Event, progress: f64) -> Result<Receipt, Failure> {
    submit("/scrobble/start", &event.item, progress.clamp(0.0, 100.0))
}

/// It is paused, or ended without being watched: whatever the position, this must not become a watch.
pub fn stop_unwatched(event: &Event, progress: f64) -> Result<Receipt, Failure> {
    if progress < LEAST_KEPT {
        return Ok(receipt(Outcome::Unsupported, "Trakt keeps no resume point below 1 %"));
    }
    submit("/scrobble/stop", &event.item, progress.min(JUST_UNWATCHED))
}

/// It was watched, just now. What counts is the host's judgement, also below Trakt's own threshold.
pub fn stop_watched(event: &Event, progress: f64) -> Result<Receipt, Failure> {
    let mut receipt = submit("/scrobble/stop", &event.item, progress.clamp(WATCHED, 100.0))?;
    let further = match &event.item.kind {
        ItemKind::Episode(episode) if episode.numbers.len() > 1 => &episode.numbers[1..],
        _ => return Ok(receipt),
    };
    if matches!(receipt.outcome, Outcome::Accepted | Outcome::Duplicate) {
        let rest = history::add_numbers(event, further)?;
        if !matches!(rest.outcome, Outcome::Accepted | Outcome::Duplicate) {
            let why = rest.note.unwrap_or_default();
            receipt.note =
                Some(format!("only the first of {} episodes: the others are {why}", further.len() + 1));
        }
    }
    Ok(receipt)
}

fn submit(path: &str, item: &Item, progress: f64) -> Result<Receipt, Failure> {
    let mut tried = Vec::new();
    for variant in body::variants(item) {
        let mut body = variant.fields;
        body.insert("progress".to_owned(), json!((progress * 100.0).round() / 100.0));
        let response = api::post(path, &Value::Object(body))?;
        match response.status {
            404 => tried.push(variant.name),
            409 => return Ok(duplicate(&response)),
            422 => {
                return Ok(receipt(
                    Outcome::Unsupported,
                    format!("Trakt takes no {progress:.1} % here (422)"),
                ));
            }
            _ => match answer::failure(&response) {
                Some(failure) => return Err(failure),
                None => return accepted(&response, path, progress),
            },
        }
    }
    Ok(unmatched(&tried))
}

/// What was tried, or that there was nothing to try.
pub fn unmatched(tried: &[&str]) -> Receipt {
    let note = match tried {
        [] => "no ids that Trakt knows, and no title to search by".to_owned(),
        tried => format!("not found by {}", tried.join(", nor by ")),
    };
    receipt(Outcome::Unmatched, note)
}

fn duplicate(response: &Response) -> Receipt {
    let watched_at =
        response.json::<Value>().ok().and_then(|answer| answer["watched_at"].as_str().map(str::to_owned));
    let note = watched_at.map(|at| format!("Trakt has it as watched at {at}"));
    receipt(Outcome::Duplicate, note.unwrap_or_default())
}

fn accepted(response: &Response, path: &str, progress: f64) -> Result<Receipt, Failure> {
    let answer: Value = response.json()?;
    let action = answer["action"].as_str().unwrap_or_default();
    let counted = matches!(action, "scrobble" | "stop");
    if path == "/scrobble/stop" && progress >= WATCHED && !counted {
        return Err(failure::retry(format!(
            "Trakt took the stop at {progress:.1} % as \u{201c}{action}\u{201d}"
        )));
    }
    let matched = matched(&answer);
    // A playback that merely started has id 0.
    let remote_id = answer["id"].as_u64().filter(|id| *id > 0).map(|id| id.to_string());
    Ok(Receipt { outcome: Outcome::Accepted, remote_id, matched, note: title(&answer) })
}

fn matched(answer: &Value) -> Vec<ExternalId> {
    let of = |kind: &str| answer[kind]["ids"].as_object().cloned();
    let ids = of("episode").or_else(|| of("movie")).unwrap_or_default();
    ids.into_iter()
        .filter_map(|(namespace, value)| {
            let value = value
                .as_u64()
                .map(|number| number.to_string())
                .or_else(|| value.as_str().map(str::to_owned))?;
            Some(ExternalId { namespace, value })
        })
        .collect()
}

/// What Trakt calls the item that it matched.
fn title(answer: &Value) -> Option<String> {
    let movie =
        || Some(format!("matched {} ({})", answer["movie"]["title"].as_str()?, answer["movie"]["year"]));
    let episode = || {
        let (show, episode) = (answer["show"]["title"].as_str()?, &answer["episode"]);
        Some(format!("matched {show} {}x{}", episode["season"], episode["number"]))
    };
    movie().or_else(episode)
}
