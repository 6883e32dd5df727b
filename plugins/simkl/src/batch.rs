//! Late watches and ratings in lists. SIMKL takes a watch that it has as nothing new, so the same list twice does no harm.

use playrelay_sdk::batch::{self, Stored};
use playrelay_sdk::capability::sink::{Action, Event};
use playrelay_sdk::capability::sink_batch::BatchResult;
use playrelay_sdk::host::types::Failure;
use playrelay_sdk::tracker::post;
use serde_json::Value;

use crate::{history, rating, response};

/// Sends what can be sent in lists; the rest is to be sent alone.
pub fn submit(events: &[Event]) -> Result<Vec<BatchResult>, Failure> {
    let mut results: Vec<BatchResult> = events.iter().map(|_| BatchResult::Alone).collect();
    let all: Vec<usize> = (0..events.len()).collect();
    // SIMKL says for a whole request whether a rewatch counts. Alone, each watch gets its own answer.
    if !history::counts_rewatches() {
        let watch = |event: &Event| match event.action {
            Action::Watched(_) => history::body(event),
            _ => None,
        };
        let note = |event: &Event| format!("in the history at {}", event.at);
        batch::send(
            events,
            &all,
            watch,
            note,
            &mut results,
            |_| Stored::Uncounted,
            |body| answer("/sync/history", body),
        )?;
    }
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
        |_| Stored::Uncounted,
        |body| answer("/sync/ratings", body),
    )?;
    Ok(results)
}

fn answer(path: &str, body: &Value) -> Result<Value, Failure> {
    response::require_success(post(path, body)?)?.json()
}
