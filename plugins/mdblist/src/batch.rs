//! Late watches and ratings in lists. The history is read once, over the span of all plays.

use jiff::Timestamp;
use playrelay_sdk::batch;
use playrelay_sdk::capability::sink::{Action, Event};
use playrelay_sdk::capability::sink_batch::BatchResult;
use playrelay_sdk::host::types::Failure;
use playrelay_sdk::tracker::{post, watched_interval};
use serde_json::Value;

use crate::{history, rating, response};

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
    let note = |index: usize| format!("added to the history at {}", events[index].at);
    let path = "/sync/watched?report_added=true";
    batch::send(&new, |index| history::body(&events[index]), note, &mut results, |body| answer(path, body))?;
    let all: Vec<usize> = (0..events.len()).collect();
    let rated = |index: usize| match events[index].action {
        Action::Rated(value) => rating::body(&events[index], value),
        _ => None,
    };
    batch::send(&all, rated, |_| String::new(), &mut results, |body| answer("/sync/ratings", body))?;
    Ok(results)
}

fn answer(path: &str, body: &Value) -> Result<Value, Failure> {
    response::require_success(post(path, body)?)?.json()
}
