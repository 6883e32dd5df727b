//! Late watches and ratings in lists. The history is read once, over the span of all plays, since Trakt adds whatever it is told.

use playrelay_sdk::batch::{self, Stored};
use playrelay_sdk::capability::sink::{Action, Event};
use playrelay_sdk::capability::sink_batch::BatchResult;
use playrelay_sdk::host::types::{Failure, ItemKind};
use playrelay_sdk::tracker::{count, numbers, watched_interval};
use serde_json::Value;

use crate::{api, entry, history, pages, rating, response};

/// Sends what can be sent in lists; the rest is to be sent alone.
pub fn submit(events: &[Event]) -> Result<Vec<BatchResult>, Failure> {
    let mut results: Vec<BatchResult> = events.iter().map(|_| BatchResult::Alone).collect();
    let of = |wanted: fn(&Action) -> bool| -> Vec<usize> {
        (0..events.len()).filter(|index| wanted(&events[*index].action)).collect()
    };
    let watched = of(|action| matches!(action, Action::Watched(_)));
    add_watches(events, &watched, &mut results)?;
    let rated = of(|action| matches!(action, Action::Rated(_)));
    let body = |event: &Event| match event.action {
        Action::Rated(value) => rating::body(event, value),
        _ => None,
    };
    let stored =
        |answer: &Value| Stored::Count(count(&answer["added"], &["movies", "shows", "seasons", "episodes"]));
    batch::send(
        events,
        &rated,
        body,
        |_| String::new(),
        &mut results,
        stored,
        |body| post("/sync/ratings", body),
    )?;
    Ok(results)
}

/// Adds the watches that the history does not have.
fn add_watches(events: &[Event], watched: &[usize], results: &mut [BatchResult]) -> Result<(), Failure> {
    let known = known(events, watched)?;
    let mut new = Vec::new();
    for index in watched {
        let event = &events[*index];
        let (start, end) = watched_interval(event)?;
        let is_there = known.iter().any(|play| {
            let at = play["watched_at"].as_str().and_then(|at| at.parse().ok());
            at.is_some_and(|at| (start..=end).contains(&at))
                && entry::is_same(play, &event.item, numbers(&event.item).first().copied())
        });
        match is_there {
            true => results[*index] = batch::duplicate("the history has this play already"),
            false => new.push(*index),
        }
    }
    let note = |event: &Event| format!("added to the history at {}", event.at);
    let stored = |answer: &Value| Stored::Count(count(&answer["added"], &["movies", "episodes"]));
    batch::send(events, &new, history::body, note, results, stored, |body| post("/sync/history", body))
}

fn post(path: &str, body: &Value) -> Result<Value, Failure> {
    response::require_success(api::post(path, body)?)?.json()
}

/// The history over the span of all plays.
fn known(events: &[Event], watched: &[usize]) -> Result<Vec<Value>, Failure> {
    let mut found = Vec::new();
    let is_movie = |index: &usize| matches!(events[*index].item.kind, ItemKind::Movie(_));
    for (kind, movies) in [("movies", true), ("episodes", false)] {
        let spans = watched.iter().filter(|index| is_movie(index) == movies);
        let spans = spans.map(|index| watched_interval(&events[*index])).collect::<Result<Vec<_>, _>>()?;
        let (start, end) = (spans.iter().map(|span| span.0).min(), spans.iter().map(|span| span.1).max());
        if let (Some(start), Some(end)) = (start, end) {
            let query = format!("start_at={start}&end_at={end}&");
            found.extend(pages::all(&format!("/sync/history/{kind}"), &query)?);
        }
    }
    Ok(found)
}
