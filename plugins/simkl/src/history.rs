//! `/sync/history`: what was watched a while ago, with its own time; and what was not watched after all.

use playrelay_sdk::capability::sink::Event;
use playrelay_sdk::host::settings;
use playrelay_sdk::host::types::{Failure, Item, ItemKind, Outcome, Receipt};
use playrelay_sdk::tracker::{count, is_missing, numbers, post, receipt, unmatched};
use serde_json::{Value, json};

use crate::response::NAME;
use crate::{item_body, response};

/// Whether the user wants a second watch to count.
pub fn counts_rewatches() -> bool {
    settings::get("rewatches").as_deref() == Some("true")
}

/// Adds a watch. One that is there already is nothing new to SIMKL, unless rewatches count and two days lie between.
pub fn add(event: &Event) -> Result<Receipt, Failure> {
    add_numbers(event, numbers(&event.item))
}

/// Adds episodes of one file by their numbers; or a movie, which has none.
pub fn add_numbers(event: &Event, numbers: &[u32]) -> Result<Receipt, Failure> {
    let mut tried = Vec::new();
    for (name, entry) in entries(&event.item, numbers, Some(&event.at)) {
        let path = if counts_rewatches() { "/sync/history?allow_rewatch=yes" } else { "/sync/history" };
        let answer: Value = response::require_success(post(path, &entry)?)?.json()?;
        match (count(&answer["added"], &["movies", "episodes"]), is_missing(&answer)) {
            (0, true) => tried.push(name),
            (0, false) if counts_rewatches() => {
                let note = "the history has this already; SIMKL counts a rewatch for PRO and VIP members, two days after the last";
                return Ok(receipt(Outcome::Duplicate, note));
            }
            (0, false) => return Ok(receipt(Outcome::Duplicate, "the history has this already")),
            (added, true) => {
                let note = format!(
                    "{added} of {} episodes added to the history, the others are unknown",
                    numbers.len()
                );
                return Ok(receipt(Outcome::Accepted, note));
            }
            (_, false) => {
                return Ok(receipt(Outcome::Accepted, format!("added to the history at {}", event.at)));
            }
        }
    }
    Ok(unmatched(NAME, &event.item, &tried))
}

/// Names the item of a watch for a list, as exactly as possible. Absent for a file of several episodes: another event may be about one of them.
pub fn body(event: &Event) -> Option<Value> {
    if numbers(&event.item).len() > 1 {
        return None;
    }
    let bodies = entries(&event.item, numbers(&event.item), Some(&event.at));
    bodies.into_iter().next().map(|(_, body)| body)
}

/// Takes an episode out of the history.
pub fn remove(event: &Event) -> Result<Receipt, Failure> {
    if !matches!(event.item.kind, ItemKind::Episode(_)) {
        // Without episodes below it a title is removed from the library, with its rating and its place on a list.
        let note = "SIMKL would forget the rating and the list of the title as well, so nothing is removed";
        return Ok(receipt(Outcome::Unsupported, note));
    }
    let mut tried = Vec::new();
    for (name, entry) in entries(&event.item, numbers(&event.item), None) {
        let answer: Value = response::require_success(post("/sync/history/remove", &entry)?)?.json()?;
        match (count(&answer["deleted"], &["episodes"]), is_missing(&answer)) {
            (0, true) => tried.push(name),
            (0, false) => return Ok(receipt(Outcome::Duplicate, "the history does not have it")),
            (_, _) => return Ok(receipt(Outcome::Accepted, "removed from the history")),
        }
    }
    Ok(unmatched(NAME, &event.item, &tried))
}

/// Bodies that name exactly this item, the most exact first. A show is only ever named with episodes below it: without them SIMKL
/// would mark, or forget, all of it.
fn entries(item: &Item, numbers: &[u32], at: Option<&str>) -> Vec<(&'static str, Value)> {
    let timed = |mut entry: Value| {
        if let Some(at) = at {
            entry["watched_at"] = json!(at);
        }
        entry
    };
    match &item.kind {
        ItemKind::Movie(_) => {
            let movie = item_body::title(item);
            movie.map(|(list, movie)| ("ids", json!({ list: [timed(movie)] }))).into_iter().collect()
        }
        ItemKind::Episode(episode) => {
            let shows = item_body::sync_body(episode, numbers, timed);
            shows.into_iter().map(|(name, show)| (name, json!({ "shows": [show] }))).collect()
        }
        ItemKind::Season(_) | ItemKind::Show(_) => Vec::new(),
    }
}
