//! `/sync/watched`: what was watched a while ago, with its own time; and what was not watched after all.

use jiff::Timestamp;
use playrelay_sdk::capability::sink::Event;
use playrelay_sdk::host::types::{ExternalId, Failure, Item, ItemKind, Outcome, Receipt};
use playrelay_sdk::tracker::{count, get, is_missing, numbers, post, receipt, unmatched, watched_interval};
use playrelay_sdk::{ids, json};
use serde_json::{Value, json};

use crate::response::NAME;
use crate::{item_body, playback, response};

/// Plays of a page: the most with a cursor.
const PAGE_PLAYS: usize = 1_000;
/// Pages that are read of the history.
const MAX_PAGES: usize = 20;

/// Adds a watch, unless it is there. What was watched to its end somewhere needs no resume point any more.
pub fn add(event: &Event) -> Result<Receipt, Failure> {
    let receipt = add_numbers(event, numbers(&event.item))?;
    let is_there = matches!(receipt.outcome, Outcome::Accepted | Outcome::Duplicate);
    Ok(if is_there { playback::forget(&event.item, receipt) } else { receipt })
}

/// Adds episodes of one file by their numbers, those that are not there; or a movie, which has none.
pub fn add_numbers(event: &Event, numbers: &[u32]) -> Result<Receipt, Failure> {
    if !matches!(event.item.kind, ItemKind::Movie(_) | ItemKind::Episode(_)) {
        // A show or a season without episodes below it is all of it.
        return Ok(receipt(Outcome::Unsupported, "only movies and episodes are added to the history"));
    }
    let known = known(event)?;
    let is_known = |number: Option<u32>| known.iter().any(|entry| is_same(entry, &event.item, number));
    let missing: Vec<u32> = numbers.iter().copied().filter(|number| !is_known(Some(*number))).collect();
    if (numbers.is_empty() && is_known(None)) || (!numbers.is_empty() && missing.is_empty()) {
        return Ok(receipt(Outcome::Duplicate, "the history has this play already"));
    }
    let Some(entry) = timed_body(event, &missing) else {
        return Ok(unmatched(NAME, &event.item, &[]));
    };
    let answer: Value =
        response::require_success(post("/sync/watched?report_added=true", &entry)?)?.json()?;
    // A play that MDBList has folded into one that it had.
    let mut plays = answer["plays"].as_array().into_iter().flatten().peekable();
    if plays.peek().is_some() && plays.all(|play| play["added"] == false) {
        return Ok(receipt(Outcome::Duplicate, "the history has this play already"));
    }
    match (count(&answer["updated"], &item_body::KINDS), is_missing(&answer)) {
        (0, _) => return Ok(unmatched(NAME, &event.item, &["ids and numbers"])),
        (added, true) => {
            let note =
                format!("{added} of {} episodes added to the history, the others are unknown", missing.len());
            return Ok(receipt(Outcome::Accepted, note));
        }
        (_, false) => {}
    }
    Ok(receipt(Outcome::Accepted, format!("added to the history at {}", event.at)))
}

/// Takes a movie or an episode out of the history.
pub fn remove(event: &Event) -> Result<Receipt, Failure> {
    if !matches!(event.item.kind, ItemKind::Movie(_) | ItemKind::Episode(_)) {
        return Ok(receipt(Outcome::Unsupported, "only movies and episodes are taken out of the history"));
    }
    let Some(entry) = item_body::sync_body(&event.item, numbers(&event.item), |entry| entry) else {
        return Ok(unmatched(NAME, &event.item, &[]));
    };
    let answer: Value = response::require_success(post("/sync/watched/remove", &entry)?)?.json()?;
    Ok(match count(&answer["removed"], &item_body::KINDS) {
        0 => receipt(Outcome::Duplicate, "the history does not have it"),
        _ => playback::forget(&event.item, receipt(Outcome::Accepted, "removed from the history")),
    })
}

/// The plays of the history over the span of this one, in which a second play of the same item cannot have ended.
fn known(event: &Event) -> Result<Vec<Value>, Failure> {
    let (since, until) = watched_interval(event)?;
    between(since, until)
}

/// When an entry of the history was watched.
fn watched_at(entry: &Value) -> Option<Timestamp> {
    entry["watched_at"].as_str().or(entry["last_watched_at"].as_str())?.parse().ok()
}

/// Whether some plays of the history have an item within a span of time.
pub fn has_play(known: &[Value], item: &Item, start: Timestamp, end: Timestamp) -> bool {
    let near = |entry: &&Value| watched_at(entry).is_some_and(|at| (start..=end).contains(&at));
    let number = numbers(item).first().copied();
    known.iter().filter(near).any(|entry| is_same(entry, item, number))
}

/// Names the item of a watch for a list. Absent if ids or numbers are missing. Absent also for a file of several episodes: the history may have some
/// of them.
pub fn body(event: &Event) -> Option<Value> {
    let is_one = matches!(event.item.kind, ItemKind::Movie(_)) || numbers(&event.item).len() == 1;
    timed_body(event, numbers(&event.item)).filter(|_| is_one)
}

/// Names the item of a watch with its time; `numbers` are those of a file's episodes.
fn timed_body(event: &Event, numbers: &[u32]) -> Option<Value> {
    let timed = |mut entry: Value| {
        entry["watched_at"] = json!(event.at);
        entry
    };
    item_body::sync_body(&event.item, numbers, timed)
}

/// The plays of the history within a span of time.
pub fn between(since: Timestamp, until: Timestamp) -> Result<Vec<Value>, Failure> {
    let is_near = |entry: &&Value| watched_at(entry).is_some_and(|at| (since..=until).contains(&at));
    let (mut found, mut page) = (Vec::new(), String::new());
    for _ in 0..MAX_PAGES {
        let path = format!("/sync/watched?since={since}&plays=all&limit={PAGE_PLAYS}{page}");
        let answer: Value = response::require_success(get(&path)?)?.json()?;
        let lists = [&answer["movies"], &answer["episodes"]];
        let rows = || lists.into_iter().filter_map(Value::as_array).flatten();
        found.extend(rows().filter(is_near).cloned());
        let pagination = &answer["pagination"];
        let Some(next) = pagination["next_cursor"].as_str().filter(|_| pagination["has_more"] == true) else {
            return Ok(found);
        };
        let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        page = format!("&cursor={next}");
    }
    // A play that may be there must not be added once more.
    Err(Failure::Rejected(format!(
        "MDBList has more than {} plays since {since}, so it cannot be told whether this one is among them",
        PAGE_PLAYS * MAX_PAGES
    )))
}

/// Whether an entry of the history is this item: by an id of the movie, or by the show's and the numbers.
fn is_same(entry: &Value, item: &Item, number: Option<u32>) -> bool {
    match &item.kind {
        ItemKind::Movie(movie) => {
            let found = &entry["movie"];
            shares(&movie.ids, &item_body::MOVIE_IDS, &found["ids"])
                || (!movie.title.is_empty()
                    && found["title"].as_str() == Some(&movie.title)
                    && json::whole(&found["year"]) == movie.year)
        }
        ItemKind::Episode(episode) => {
            let found = &entry["episode"];
            let same_show = shares(&episode.show.ids, &item_body::SHOW_IDS, &found["show"]["ids"])
                || (!episode.show.title.is_empty()
                    && found["show"]["title"].as_str() == Some(&episode.show.title));
            same_show
                && number.is_some()
                && json::whole(&found["season"]) == episode.season
                && json::whole(&found["number"]) == number
        }
        ItemKind::Season(_) | ItemKind::Show(_) => false,
    }
}

fn shares(ours: &[ExternalId], known: &[&str], theirs: &Value) -> bool {
    ids::share(ours, known, &item_body::plain_ids(theirs))
}
