//! `/sync/history`: what was watched a while ago, with its own time; and what was not watched after all.

use playrelay_sdk::capability::sink::Event;
use playrelay_sdk::host::types::{Failure, Item, ItemKind, Outcome, Receipt};
use playrelay_sdk::tracker::{numbers, receipt, unmatched};
use serde_json::{Value, json};

use crate::{NAME, answer, api, body};

/// Adds a watch. One that is there already is nothing new to SIMKL.
pub fn add(event: &Event) -> Result<Receipt, Failure> {
    add_numbers(event, numbers(&event.item))
}

/// Adds episodes of one file by their numbers; or a movie, which has none.
pub fn add_numbers(event: &Event, numbers: &[u32]) -> Result<Receipt, Failure> {
    let Some(entry) = entry(&event.item, numbers, Some(&event.at)) else { return Ok(unmatched(NAME, &[])) };
    let answer: Value = answer::require_success(api::post("/sync/history", &entry)?)?.json()?;
    let added = count(&answer["added"], &["movies", "episodes"]);
    Ok(match (added, is_missing(&answer)) {
        (0, true) => unmatched(NAME, &["ids and numbers"]),
        (0, false) => receipt(Outcome::Duplicate, "the history has this already"),
        (_, _) => receipt(Outcome::Accepted, format!("added to the history at {}", event.at)),
    })
}

/// Takes an episode out of the history.
pub fn remove(event: &Event) -> Result<Receipt, Failure> {
    if !matches!(event.item.kind, ItemKind::Episode(_)) {
        // Without episodes below it a title is removed from the library, with its rating and its place on a list.
        let note = "SIMKL would forget the rating and the list of the title as well, so nothing is removed";
        return Ok(receipt(Outcome::Unsupported, note));
    }
    let Some(entry) = entry(&event.item, numbers(&event.item), None) else {
        return Ok(unmatched(NAME, &[]));
    };
    let answer: Value = answer::require_success(api::post("/sync/history/remove", &entry)?)?.json()?;
    Ok(match (count(&answer["deleted"], &["episodes"]), is_missing(&answer)) {
        (0, true) => unmatched(NAME, &["show ids, season and number"]),
        (0, false) => receipt(Outcome::Duplicate, "the history does not have it"),
        (_, _) => receipt(Outcome::Accepted, "removed from the history"),
    })
}

/// A body that names exactly this item. A show is only ever named with episodes below it: without them SIMKL would
/// mark, or forget, all of it.
fn entry(item: &Item, numbers: &[u32], at: Option<&str>) -> Option<Value> {
    let timed = |mut entry: Value| {
        if let Some(at) = at {
            entry["watched_at"] = json!(at);
        }
        entry
    };
    match &item.kind {
        ItemKind::Movie(_) => {
            let (list, movie) = body::title(item)?;
            Some(json!({ list: [timed(movie)] }))
        }
        ItemKind::Episode(episode) => {
            let mut show = body::show_named(&episode.show)?;
            let season = if body::is_season_entry(&episode.show.ids) { 1 } else { episode.season? };
            if numbers.is_empty() {
                return None;
            }
            let episodes: Vec<Value> =
                numbers.iter().map(|number| timed(json!({ "number": number }))).collect();
            // The numbers are those of TVDB and TMDb, also of anime.
            show["use_tvdb_anime_seasons"] = json!(true);
            show["seasons"] = json!([{ "number": season, "episodes": episodes }]);
            Some(json!({ "shows": [show] }))
        }
        ItemKind::Season(_) | ItemKind::Show(_) => None,
    }
}

/// How many things of some kinds there are in a summary.
pub fn count(summary: &Value, kinds: &[&str]) -> u64 {
    kinds.iter().map(|kind| summary[*kind].as_u64().unwrap_or(0)).sum()
}

/// Whether SIMKL says, in a success, that it knows something not.
pub fn is_missing(answer: &Value) -> bool {
    ["movies", "shows", "episodes"]
        .iter()
        .any(|kind| answer["not_found"][*kind].as_array().is_some_and(|missing| !missing.is_empty()))
}
