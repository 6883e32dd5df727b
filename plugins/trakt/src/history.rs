//! `/sync/history`: what was watched a while ago, with its own time.
//!
//! Trakt adds a play every time it is asked to, so the history is read first: over the span of the play itself, in which
//! a second play of the same item cannot have ended.

use playrelay_sdk::capability::sink::Event;
use playrelay_sdk::host::types::{Failure, Item, ItemKind, Outcome, Receipt};
use playrelay_sdk::tracker::{count, is_missing, numbers, receipt, unmatched, watched_interval};
use serde_json::{Map, Value, json};

use crate::item_body::DOUBTFUL;
use crate::response::NAME;
use crate::{api, entry, item_body, pages, playback, response, search};

/// Adds a watch, unless it is there. What was watched to its end somewhere needs no resume point any more.
pub fn add(event: &Event) -> Result<Receipt, Failure> {
    let receipt = add_watch(event)?;
    let is_there = matches!(receipt.outcome, Outcome::Accepted | Outcome::Duplicate);
    Ok(if is_there { playback::forget(&event.item, receipt) } else { receipt })
}

fn add_watch(event: &Event) -> Result<Receipt, Failure> {
    let numbers = numbers(&event.item);
    if let ItemKind::Episode(episode) = &event.item.kind
        && numbers.len() > 1
        && item_body::by_numbers(episode, numbers, Some(&event.at)).is_some()
    {
        return add_numbers(event, numbers);
    }
    let known = known(event)?;
    if known.iter().any(|entry| entry::is_same(entry, &event.item, numbers.first().copied())) {
        return Ok(receipt(Outcome::Duplicate, "the history has this play already"));
    }
    let mut tried = Vec::new();
    for Named { name, entry, is_doubtful } in entries(&event.item, Some(&event.at)) {
        if is_doubtful && !search::is_of_item(&event.item)? {
            tried.push(DOUBTFUL);
            continue;
        }
        if post(&entry)? > 0 {
            return Ok(receipt(Outcome::Accepted, format!("added to the history at {}", event.at)));
        }
        tried.push(name);
    }
    Ok(unmatched(NAME, &event.item, &tried))
}

/// Adds episodes of one file by their numbers, those that are not there.
pub fn add_numbers(event: &Event, numbers: &[u32]) -> Result<Receipt, Failure> {
    let ItemKind::Episode(episode) = &event.item.kind else {
        return Ok(receipt(Outcome::Unsupported, "only episodes have numbers"));
    };
    let known = known(event)?;
    let missing: Vec<u32> = numbers
        .iter()
        .copied()
        .filter(|number| !known.iter().any(|entry| entry::is_same(entry, &event.item, Some(*number))))
        .collect();
    if missing.is_empty() {
        return Ok(receipt(Outcome::Duplicate, "the history has these episodes already"));
    }
    let Some(entry) = item_body::by_numbers(episode, &missing, Some(&event.at)) else {
        return Ok(unmatched(NAME, &event.item, &[]));
    };
    match post(&entry)? {
        0 => Ok(unmatched(NAME, &event.item, &["show, season and numbers"])),
        added => Ok(receipt(
            Outcome::Accepted,
            format!("{added} of {} episodes added to the history", missing.len()),
        )),
    }
}

/// The history over the span of the play.
fn known(event: &Event) -> Result<Vec<Value>, Failure> {
    let (start, end) = watched_interval(event)?;
    let kind = if matches!(event.item.kind, ItemKind::Movie(_)) { "movies" } else { "episodes" };
    pages::all(&format!("/sync/history/{kind}"), &format!("start_at={start}&end_at={end}&"))
}

/// Takes every play of a movie or an episode out of the history.
pub fn remove(event: &Event) -> Result<Receipt, Failure> {
    let mut tried = Vec::new();
    let all = numbers(&event.item);
    let mut bodies = entries(&event.item, None);
    if all.len() > 1
        && let ItemKind::Episode(episode) = &event.item.kind
    {
        // Ids name the first of several episodes only.
        bodies = item_body::by_numbers(episode, all, None)
            .map(|entry| Named { name: "show, season and numbers", entry, is_doubtful: false })
            .into_iter()
            .collect();
    }
    for Named { name, entry, is_doubtful } in bodies {
        // What is taken away must be what was meant.
        if is_doubtful && !search::is_of_item(&event.item)? {
            tried.push(DOUBTFUL);
            continue;
        }
        let answer: Value = response::require_success(api::post("/sync/history/remove", &entry)?)?.json()?;
        if count(&answer["deleted"], &["movies", "episodes"]) > 0 {
            return Ok(playback::forget(&event.item, receipt(Outcome::Accepted, "removed from the history")));
        }
        if !is_missing(&answer) {
            return Ok(receipt(Outcome::Duplicate, "the history does not have it"));
        }
        tried.push(name);
    }
    Ok(unmatched(NAME, &event.item, &tried))
}

/// Takes one play out of the history, and nothing else.
pub fn remove_one(id: &str) -> Result<Receipt, Failure> {
    Ok(match remove_play(id)? {
        true => receipt(Outcome::Accepted, "this one play was removed from the history"),
        false => receipt(Outcome::Duplicate, "the history does not have this play any more"),
    })
}

/// Takes one play out of the history, by Trakt's own id of it. Whether it was there.
pub fn remove_play(id: &str) -> Result<bool, Failure> {
    let Ok(id) = id.parse::<u64>() else { return Ok(false) };
    let response = api::post("/sync/history/remove", &json!({ "ids": [id] }))?;
    let answer: Value = response::require_success(response)?.json()?;
    Ok(count(&answer["deleted"], &["movies", "episodes"]) > 0)
}

/// A body that names an item.
struct Named {
    /// For people: "episode ids".
    name: &'static str,
    entry: Value,
    /// Whether the id may be of something else.
    is_doubtful: bool,
}

/// The bodies that name the item, the most exact first. A show is only ever named with episodes below it: without
/// them Trakt would mark all of it.
fn entries(item: &Item, at: Option<&str>) -> Vec<Named> {
    let with_time = |mut fields: Map<String, Value>| {
        fields.extend(at.map(|at| ("watched_at".to_owned(), json!(at))));
        fields
    };
    let mut entries = Vec::new();
    for variant in item_body::variants(item) {
        let (name, is_doubtful) = (variant.name, variant.is_doubtful);
        if let Some(Value::Object(movie)) = variant.fields.get("movie") {
            entries.push(Named { name, entry: json!({ "movies": [with_time(movie.clone())] }), is_doubtful });
        } else if let (None, Some(Value::Object(episode))) =
            (variant.fields.get("show"), variant.fields.get("episode"))
        {
            let entry = json!({ "episodes": [with_time(episode.clone())] });
            entries.push(Named { name, entry, is_doubtful });
        }
    }
    if let ItemKind::Episode(episode) = &item.kind
        && let Some(entry) = item_body::by_numbers(episode, &episode.numbers, at)
    {
        let place = if item_body::has_doubtful_id(episode) { 0 } else { entries.len() };
        entries.insert(place, Named { name: "show, season and number", entry, is_doubtful: false });
    }
    entries
}

/// Names the item of a watch for a list, as exactly as possible. Absent if an id may be of another title. Absent also for a file of several episodes:
/// the history may have some of them.
pub fn body(event: &Event) -> Option<Value> {
    if numbers(&event.item).len() > 1 {
        return None;
    }
    let first = entries(&event.item, Some(&event.at)).into_iter().next();
    first.filter(|named| !named.is_doubtful).map(|named| named.entry)
}

/// Adds to the history. Gives how many were added: Trakt says in a success that it found nothing.
fn post(entry: &Value) -> Result<u64, Failure> {
    let response = api::post("/sync/history", entry)?;
    if response.status == 404 {
        return Ok(0);
    }
    let answer: Value = response::require_success(response)?.json()?;
    Ok(count(&answer["added"], &["movies", "episodes"]))
}
