//! What most trackers need: receipts in words, and a look at what was matched.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::capability::sink::Event;
use crate::host::types::{Episode, Failure, Item, ItemKind, Outcome, Receipt};
use crate::http::{self, Response};
use crate::{ids, titles};

/// A stop that arrived was entered with the tracker's time.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(2);

/// A receipt with a note for people.
pub fn receipt(outcome: Outcome, note: impl Into<String>) -> Receipt {
    let note = Some(note.into()).filter(|note| !note.is_empty());
    Receipt { outcome, remote_id: None, matched: Vec::new(), note }
}

/// `who` knows no such item: what was tried, or that there was nothing to try.
pub fn unmatched(who: &str, tried: &[&str]) -> Receipt {
    let note = match tried {
        [] => format!("no ids that {who} knows, and no title to search by"),
        tried => format!("not found by {}", tried.join(", nor by ")),
    };
    receipt(Outcome::Unmatched, note)
}

/// Sends a GET to a path of the API, whose address is the setting `api_url`.
pub fn get(path: &str) -> Result<Response, Failure> {
    http::get(&http::below("api_url", path), &[])
}

/// Sends a POST to a path of the API.
pub fn post(path: &str, body: &Value) -> Result<Response, Failure> {
    http::post_json(&http::below("api_url", path), &[], body)
}

/// The tracker `who` says that it has the watch.
pub fn watched_before(who: &str, response: &Response) -> Receipt {
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
pub fn span(event: &Event) -> Result<(Timestamp, Timestamp), Failure> {
    let time = |text: &str| {
        text.parse::<Timestamp>()
            .map_err(|error| Failure::Rejected(format!("the event's time is none: {error}")))
    };
    let end = time(&event.at)?;
    let start = event.started_at.as_deref().map_or(Ok(end), time)?;
    let out_of_range = |error: jiff::Error| Failure::Rejected(error.to_string());
    let start = start.checked_sub(TOLERANCE).map_err(out_of_range)?;
    Ok((start, end.checked_add(TOLERANCE).map_err(out_of_range)?))
}

/// Tells of the further episodes of a file, once the tracker has taken the first.
pub fn with_the_rest(
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

/// The receipt of an answer with what was matched: `id`, and `movie`, or `show` or `anime` and `episode`.
pub fn accepted(who: &str, event: &Event, answer: &Value) -> Receipt {
    let title = title_of(answer);
    let ids = ["episode", "movie", "show", "anime"].into_iter().map(|kind| &answer[kind]["ids"]);
    let matched = ids.map(ids::read).find(|ids| !ids.is_empty()).unwrap_or_default();
    let name = match (&answer["episode"]["number"], title) {
        (Value::Null, Some((title, year))) => Some(format!("matched {title} ({year})")),
        (number, Some((title, _))) => {
            let season = answer["episode"]["season"].as_u64().map(|season| format!("{season}x"));
            Some(format!("matched {title} {}{number}", season.unwrap_or_default()))
        }
        _ => None,
    };
    let note = match (name, difference(&event.item, answer)) {
        (Some(name), Some(difference)) => Some(format!("{name}; {who} calls it differently: {difference}")),
        (name, _) => name,
    };
    // A playback that merely started has id 0.
    let remote_id = answer["id"].as_u64().filter(|id| *id > 0).map(|id| id.to_string());
    Receipt { outcome: Outcome::Accepted, remote_id, matched, note }
}

fn title_of(answer: &Value) -> Option<(&str, &Value)> {
    let kinds = ["movie", "show", "anime"].into_iter().map(|kind| &answer[kind]);
    kinds.filter_map(|named| Some((named["title"].as_str()?, &named["year"]))).next()
}

/// Where the tracker has matched something of another name or number than what was sent, in words.
pub fn difference(item: &Item, answer: &Value) -> Option<String> {
    let differs = |sent: &str, found: &str| !sent.is_empty() && fold(sent) != fold(found);
    let named = |sent: &str, original: Option<&String>, found: &str| {
        let original_differs = original.is_none_or(|original| differs(original, found));
        (differs(sent, found) && original_differs).then(|| format!("sent \u{201c}{sent}\u{201d}"))
    };
    let found = title_of(answer).map(|(title, _)| title);
    match &item.kind {
        ItemKind::Movie(movie) => named(&movie.title, movie.original_title.as_ref(), found?),
        ItemKind::Episode(episode) => wrong_number(episode, &answer["episode"])
            .or_else(|| named(&episode.show.title, episode.show.original_title.as_ref(), found?)),
        ItemKind::Show(show) => named(&show.title, show.original_title.as_ref(), found?),
        ItemKind::Season(_) => None,
    }
}

/// Anime has numbers of its own beside those of its seasons on television: either will do.
fn wrong_number(episode: &Episode, found: &Value) -> Option<String> {
    let (season, number) = (episode.season?, *episode.numbers.first()?);
    let is = |season_key: &str, number_key: &str| {
        let season_is = found[season_key].is_null() || found[season_key].as_u64() == Some(season.into());
        season_is && found[number_key].as_u64() == Some(number.into())
    };
    if found["number"].is_null() || is("season", "number") || is("tvdb_season", "tvdb_number") {
        return None;
    }
    Some(format!("sent {season}x{number}"))
}

/// The letters of a title without the word “the” in front, in which catalogues differ too.
fn fold(title: &str) -> String {
    let letters = titles::letters(title);
    letters.strip_prefix("the").map(str::to_owned).unwrap_or(letters)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::host::types::{Movie, Show};

    fn movie(title: &str) -> Item {
        let title = title.to_owned();
        titles::bare(ItemKind::Movie(Movie {
            title,
            original_title: Some("Zerkalo".to_owned()),
            year: None,
            ids: Vec::new(),
        }))
    }

    fn episode(season: u32, number: u32) -> Item {
        let show = Show { title: "The Office".to_owned(), original_title: None, year: None, ids: Vec::new() };
        titles::bare(ItemKind::Episode(Episode {
            show,
            season: Some(season),
            numbers: vec![number],
            absolute_number: None,
            title: None,
            year: None,
            ids: Vec::new(),
        }))
    }

    #[test]
    fn what_was_matched_is_held_against_what_was_sent() {
        let found = |season: u32, number: u32| json!({ "show": { "title": "Office" }, "episode": { "season": season, "number": number } });
        let anime = json!({ "anime": { "title": "The Office" },
            "episode": { "season": 1, "number": 4, "tvdb_season": 2, "tvdb_number": 4 } });
        for (item, answer, expected) in [
            (movie("Mirror"), json!({ "movie": { "title": "mirror!" } }), None),
            (movie("The Mirror"), json!({ "movie": { "title": "Zerkalo" } }), None),
            (
                movie("Mirror"),
                json!({ "movie": { "title": "Mirrors" } }),
                Some("sent \u{201c}Mirror\u{201d}"),
            ),
            (movie("Mirror"), json!({}), None),
            (episode(2, 4), found(2, 4), None),
            (episode(2, 4), found(1, 4), Some("sent 2x4")),
            (episode(2, 4), anime, None),
        ] {
            assert_eq!(difference(&item, &answer).as_deref(), expected, "{answer}");
        }
    }
}
