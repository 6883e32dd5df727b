//! Helpers for plugins of trackers: receipts, spans of time, and matches.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::capability::sink::Event;
use crate::host::types::{ExternalId, Failure, Item, ItemKind, Outcome, Receipt, Show};
use crate::http::{self, Response};
use crate::{failure, ids, matching};

/// A stop that arrived was entered with the tracker's time.
const START_TOLERANCE: SignedDuration = SignedDuration::from_mins(2);

/// A receipt with a note for people.
pub fn receipt(outcome: Outcome, note: impl Into<String>) -> Receipt {
    let note = Some(note.into()).filter(|note| !note.is_empty());
    Receipt { outcome, remote_id: None, matched: Vec::new(), note }
}

/// The receipt of a watch that was entered or taken back, with what became of its resume point: whether there was one to clear. A
/// failure costs the resume point, and not the watch.
pub fn with_resume_point(mut receipt: Receipt, cleared: Result<bool, Failure>) -> Receipt {
    let more = match cleared {
        Ok(false) => return receipt,
        Ok(true) => "its resume point was cleared".to_owned(),
        Err(failure) => format!("its resume point could not be cleared ({})", failure::reason(&failure)),
    };
    receipt.note = Some(match receipt.note {
        Some(note) => format!("{note}; {more}"),
        None => more,
    });
    receipt
}

/// `who` knows no such item: what was tried, or what is missing to try anything.
pub fn unmatched(who: &str, item: &Item, tried: &[&str]) -> Receipt {
    let note = match tried {
        [] => format!("it has no ids that {who} knows; to search by its title, {}", missing(item)),
        tried => format!("not found by {}", tried.join(", nor by ")),
    };
    receipt(Outcome::Unmatched, note)
}

/// The facts that an item lacks for a search by title: a title without its year would be a guess.
fn missing(item: &Item) -> String {
    let of_show = |show: &Show| {
        let title = show.title.is_empty().then_some("the title of the show is missing");
        title.or_else(|| show.year.is_none().then_some("the year of the show is missing"))
    };
    let lacks: Vec<&str> = match &item.kind {
        ItemKind::Movie(movie) if movie.title.is_empty() => vec!["the title of the movie is missing"],
        ItemKind::Movie(movie) if movie.year.is_none() => vec!["the year of the movie is missing"],
        ItemKind::Movie(_) => Vec::new(),
        ItemKind::Episode(episode) => {
            let number = episode.numbers.is_empty().then_some("the number of the episode is missing");
            let season = episode.season.is_none().then_some("the number of the season is missing");
            number.into_iter().chain(season).chain(of_show(&episode.show)).collect()
        }
        ItemKind::Season(season) => of_show(&season.show).into_iter().collect(),
        ItemKind::Show(show) => of_show(show).into_iter().collect(),
    };
    if lacks.is_empty() {
        "nothing is missing, and it takes no titles here".to_owned()
    } else {
        lacks.join(", and ")
    }
}

/// Sends a GET to a path of the API, whose address is the setting `api_url`.
pub fn get(path: &str) -> Result<Response, Failure> {
    http::get(&http::join_setting("api_url", path), &[])
}

/// Sends a POST to a path of the API.
pub fn post(path: &str, body: &Value) -> Result<Response, Failure> {
    http::post_json(&http::join_setting("api_url", path), &[], body)
}

/// The tracker `who` says that it has the watch.
pub fn already_watched(who: &str, response: &Response) -> Receipt {
    let answer: Value = response.json().unwrap_or_default();
    let note = answer["watched_at"].as_str().map(|at| format!("{who} has it as watched at {at}"));
    receipt(Outcome::Duplicate, note.unwrap_or_default())
}

/// How many things of some kinds there are in a summary.
pub fn count(summary: &Value, kinds: &[&str]) -> u64 {
    kinds.iter().map(|kind| summary[*kind].as_u64().unwrap_or(0)).sum()
}

/// Whether a success says of something that it is not known. What is missing is listed, or only counted.
pub fn is_missing(answer: &Value) -> bool {
    ["movies", "shows", "seasons", "episodes"].iter().any(|kind| match &answer["not_found"][*kind] {
        Value::Array(missing) => !missing.is_empty(),
        missing => missing.as_u64().is_some_and(|missing| missing > 0),
    })
}

/// When a play began and ended, with some room for the way to the tracker and for clocks that differ: within it a second play of the
/// same item cannot have ended.
pub fn watched_interval(event: &Event) -> Result<(Timestamp, Timestamp), Failure> {
    let time = |text: &str| {
        text.parse::<Timestamp>()
            .map_err(|error| Failure::Rejected(format!("the event's time is not valid: {error}")))
    };
    let end = time(&event.at)?;
    let start = event.started_at.as_deref().map_or(Ok(end), time)?;
    let out_of_range = |error: jiff::Error| Failure::Rejected(error.to_string());
    let start = start.checked_sub(START_TOLERANCE).map_err(out_of_range)?;
    Ok((start, end.checked_add(START_TOLERANCE).map_err(out_of_range)?))
}

/// Tells of the further episodes of a file, once the tracker has taken the first.
pub fn with_remaining_episodes(
    event: &Event,
    mut first: Receipt,
    tell: impl FnOnce(&Event, &[u32]) -> Result<Receipt, Failure>,
) -> Result<Receipt, Failure> {
    let [_, further @ ..] = numbers(&event.item) else { return Ok(first) };
    if further.is_empty() || !matches!(first.outcome, Outcome::Accepted | Outcome::Duplicate) {
        return Ok(first);
    }
    let rest = tell(event, further)?;
    let why = rest.note.unwrap_or_default();
    let rest = match rest.outcome {
        Outcome::Accepted | Outcome::Duplicate => format!("the others: {why}"),
        _ => format!("only the first of {} episodes: the others are {why}", further.len() + 1),
    };
    let note = first.note.map(|note| format!("{note}; ")).unwrap_or_default();
    first.note = Some(note + &rest);
    Ok(first)
}

/// The numbers of all episodes of a file; none where the item is no episode.
pub fn numbers(item: &Item) -> &[u32] {
    match &item.kind {
        ItemKind::Episode(episode) => &episode.numbers,
        _ => &[],
    }
}

/// The tracker's id of the one play that `unwatched` is about; absent for all plays of the item.
pub fn remote_id(event: &Event) -> Option<&str> {
    event.ext.iter().find(|field| field.name == "remote-id").map(|field| field.value.as_str())
}

/// The receipt of an answer with what was matched: `id`, and `movie`, or `show` or `anime` and `episode`. Where that is something
/// else than what was sent, the receipt is that of [`is_of_something_else`].
pub fn accepted(who: &str, event: &Event, answer: &Value) -> Receipt {
    let ids = ["episode", "movie", "show", "anime"].into_iter().map(|kind| &answer[kind]["ids"]);
    let mut matched = ids.map(ids::read).find(|ids| !ids.is_empty()).unwrap_or_default();
    let name = name_of(answer);
    // A playback that merely started has id 0.
    let remote_id = answer["id"].as_u64().filter(|id| *id > 0).map(|id| id.to_string());
    if let Some(why) = matching::mismatch(&event.item, answer) {
        let name = name.unwrap_or_else(|| "something else".to_owned());
        if matched.is_empty() {
            matched.push(ExternalId { namespace: "title".to_owned(), value: name.clone() });
        }
        let note = format!("{} was sent, and {who} took it for {name}: {why}", matching::name(&event.item));
        return Receipt { outcome: Outcome::Unmatched, remote_id, matched, note: Some(note) };
    }
    let name = name.map(|name| format!("matched {name}"));
    let note = match (name, matching::difference(&event.item, answer)) {
        (Some(name), Some(difference)) => Some(format!("{name}; {who} calls it differently: {difference}")),
        (name, _) => name,
    };
    Receipt { outcome: Outcome::Accepted, remote_id, matched, note }
}

/// Whether a tracker took what it was told for something else. The host holds such an event.
pub fn is_of_something_else(receipt: &Receipt) -> bool {
    receipt.outcome == Outcome::Unmatched && !receipt.matched.is_empty()
}

/// Takes back what a tracker has stored of something else. `take_back` asks it to, by its own id of that, and says whether it did.
pub fn taken_back(
    mut receipt: Receipt,
    take_back: impl FnOnce(&str) -> Option<Result<bool, Failure>>,
) -> Receipt {
    if !is_of_something_else(&receipt) {
        return receipt;
    }
    let asked = receipt.remote_id.as_deref().and_then(take_back);
    let end = match asked {
        Some(Ok(true)) => "; it was taken back there".to_owned(),
        Some(Ok(false)) => "; it could not be taken back: remove it there by hand".to_owned(),
        Some(Err(failure)) => {
            format!("; it could not be taken back ({}): remove it there by hand", failure::reason(&failure))
        }
        None => String::new(),
    };
    if let Some(note) = &mut receipt.note {
        note.push_str(&end);
    }
    receipt
}

/// The item in an answer, in words: a title and a year, with the numbers of an episode.
fn name_of(answer: &Value) -> Option<String> {
    let (title, year) = matching::title_of(answer)?;
    let number = &answer["episode"]["number"];
    if number.is_null() {
        return Some(match year.as_u64() {
            Some(year) => format!("{title} ({year})"),
            None => title.to_owned(),
        });
    }
    let season = answer["episode"]["season"].as_u64().map(|season| format!("{season}x"));
    Some(format!("{title} {}{number}", season.unwrap_or_default()))
}
