//! `/sync/ratings`: whole numbers from 1 to 10.

use playrelay_sdk::capability::sink::Event;
use playrelay_sdk::host::types::{ExternalId, Failure, Item, ItemKind, Outcome, Receipt, Show};
use playrelay_sdk::tracker::{count, is_missing, receipt, unmatched};
use playrelay_sdk::{ids, matching};
use serde_json::{Value, json};

use crate::item_body::DOUBTFUL;
use crate::response::NAME;
use crate::{api, item_body, response, search};

/// The ids of seasons that Trakt knows.
const SEASON_IDS: [&str; 3] = ["trakt", "tvdb", "tmdb"];

/// A rating as Trakt has it.
fn whole(rating: f64) -> u8 {
    // In 1..=10 a cast is exact.
    rating.round().clamp(1.0, 10.0) as u8
}

/// The body that names a rated item most exactly, to be sent among others; absent where it has to be looked up first.
pub fn body(event: &Event, rating: f64) -> Option<Value> {
    let (_, body) = entries(&event.item, Some((whole(rating), &event.at))).into_iter().next()?;
    let is_by_ids = body["episodes"].is_array();
    (!is_by_ids || !is_doubtful(&event.item)).then_some(body)
}

/// Sets a rating.
pub fn rate(event: &Event, rating: f64) -> Result<Receipt, Failure> {
    let rating = whole(rating);
    let unchanged = "Trakt took the rating and says that it changed nothing: it is there already, or Trakt keeps none here";
    send("/sync/ratings", "added", unchanged, &event.item, Some((rating, &event.at)))
}

/// Takes a rating back.
pub fn unrate(event: &Event) -> Result<Receipt, Failure> {
    send("/sync/ratings/remove", "deleted", "Trakt has no rating of it", &event.item, None)
}

fn send(
    path: &str,
    done: &str,
    unchanged: &str,
    item: &Item,
    rating: Option<(u8, &str)>,
) -> Result<Receipt, Failure> {
    let mut tried = Vec::new();
    for (name, body) in entries(item, rating) {
        let is_by_ids = body["episodes"].is_array();
        if is_by_ids && is_doubtful(item) && !search::is_of_item(item)? {
            tried.push(DOUBTFUL);
            continue;
        }
        let answer: Value = response::require_success(api::post(path, &body)?)?.json()?;
        let applied = count(&answer[done], &["movies", "shows", "seasons", "episodes"]) > 0;
        match (applied, is_missing(&answer)) {
            (true, _) => return Ok(receipt(Outcome::Accepted, String::new())),
            (false, true) => tried.push(name),
            (false, false) => return Ok(receipt(Outcome::Duplicate, unchanged)),
        }
    }
    Ok(unmatched(NAME, item, &tried))
}

/// Whether the ids of an episode may be of something else.
fn is_doubtful(item: &Item) -> bool {
    matches!(&item.kind, ItemKind::Episode(episode) if matching::is_doubtful(&episode.ids))
}

/// Bodies that rate exactly this item, the most exact first.
fn entries(item: &Item, rating: Option<(u8, &str)>) -> Vec<(&'static str, Value)> {
    let rate = |mut entry: Value| {
        if let Some((rating, at)) = rating {
            entry["rating"] = json!(rating);
            entry["rated_at"] = json!(at);
        }
        entry
    };
    let (movie_ids, show_ids, episode_ids) = item_body::NAMESPACES;
    let by_ids = |list: &str, ids: &[ExternalId], known: &[&str]| {
        let ids = ids::object(ids, known);
        (!ids.is_empty()).then(|| ("ids", json!({ list: [rate(json!({ "ids": ids }))] })))
    };
    let below = |show: &Show, season: Value| {
        let mut show = item_body::show(show)?;
        show["seasons"] = json!([season]);
        Some(("show, season and number", json!({ "shows": [show] })))
    };
    let bodies = match &item.kind {
        ItemKind::Movie(movie) => [by_ids("movies", &movie.ids, movie_ids), None],
        ItemKind::Show(show) => [by_ids("shows", &show.ids, show_ids), None],
        ItemKind::Season(season) => [
            by_ids("seasons", &season.ids, &SEASON_IDS),
            below(&season.show, rate(json!({ "number": season.number }))),
        ],
        ItemKind::Episode(episode) => {
            let by_ids = by_ids("episodes", &episode.ids, episode_ids);
            let by_numbers = episode.season.zip(episode.numbers.first()).and_then(|(season, number)| {
                let rated = rate(json!({ "number": number }));
                below(&episode.show, json!({ "number": season, "episodes": [rated] }))
            });
            if matching::is_doubtful(&episode.ids) { [by_numbers, by_ids] } else { [by_ids, by_numbers] }
        }
    };
    bodies.into_iter().flatten().collect()
}
