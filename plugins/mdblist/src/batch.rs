//! Late watches and ratings in lists. The history is read once, over the span of all plays.

use jiff::Timestamp;
use playrelay_sdk::batch::{self, Stored};
use playrelay_sdk::capability::sink::{Action, Event};
use playrelay_sdk::capability::sink_batch::BatchResult;
use playrelay_sdk::host::types::Failure;
use playrelay_sdk::tracker::{count, post, watched_interval};
use serde_json::Value;

use crate::{history, item_body, rating, response};

/// Sends what can be sent in lists; the rest is to be sent alone.
pub fn submit(events: &[Event]) -> Result<Vec<BatchResult>, Failure> {
    let mut results: Vec<BatchResult> = events.iter().map(|_| BatchResult::Alone).collect();
    let watched: Vec<usize> =
        (0..events.len()).filter(|index| matches!(events[*index].action, Action::Watched(_))).collect();
    let spans = watched.iter().map(|index| watched_interval(&events[*index]));
    let spans: Vec<(Timestamp, Timestamp)> = spans.collect::<Result<_, _>>()?;
    let (since, until) = (spans.iter().map(|span| span.0).min(), spans.iter().map(|span| span.1).max());
    let mut new = Vec::new();
    if let (Some(since), Some(until)) = (since, until) {
        let known = history::between(since, until)?;
        for (index, (start, end)) in watched.into_iter().zip(spans) {
            match history::has_play(&known, &events[index].item, start, end) {
                true => results[index] = batch::duplicate("the history has this play already"),
                false => new.push(index),
            }
        }
    }
    let note = |event: &Event| format!("added to the history at {}", event.at);
    let path = "/sync/watched?report_added=true";
    batch::send(events, &new, history::body, note, &mut results, stored, |body| answer(path, body))?;
    let all: Vec<usize> = (0..events.len()).collect();
    let rated = |event: &Event| match event.action {
        Action::Rated(value) => rating::body(event, value),
        _ => None,
    };
    batch::send(
        events,
        &all,
        rated,
        |_| String::new(),
        &mut results,
        stored,
        |body| answer("/sync/ratings", body),
    )?;
    Ok(results)
}

/// Counts the new plays. MDBList folds a play into one that it had already; such a play does not count.
fn stored(answer: &Value) -> Stored {
    let folded = answer["plays"].as_array().into_iter().flatten().filter(|play| play["added"] == false);
    let updated = count(&answer["updated"], &item_body::KINDS);
    Stored::Count(updated.saturating_sub(folded.count() as u64))
}

fn answer(path: &str, body: &Value) -> Result<Value, Failure> {
    response::require_success(post(path, body)?)?.json()
}
