//! `/sync/ratings`: whole numbers from 1 to 10.

use playrelay_sdk::capability::sink::Event;
use playrelay_sdk::host::types::{Failure, Item, ItemKind, Outcome, Receipt};
use playrelay_sdk::ids;
use playrelay_sdk::tracker::{receipt, unmatched};
use serde_json::{Value, json};

use crate::{NAME, answer, api, body};

/// Sets a rating.
pub fn rate(event: &Event, rating: f64) -> Result<Receipt, Failure> {
    // In 1..=10 a cast is exact.
    let rating = rating.round().clamp(1.0, 10.0) as u8;
    send("/sync/ratings", "added", &event.item, Some((rating, &event.at)))
}

/// Takes a rating back.
pub fn unrate(event: &Event) -> Result<Receipt, Failure> {
    send("/sync/ratings/remove", "deleted", &event.item, None)
}

fn send(path: &str, done: &str, item: &Item, rating: Option<(u8, &str)>) -> Result<Receipt, Failure> {
    let Some(body) = entry(item, rating) else { return Ok(unmatched(NAME, &[])) };
    let answer: Value = answer::require_success(api::post(path, &body)?)?.json()?;
    let count = |kind: &str| answer[done][kind].as_u64().unwrap_or(0);
    let applied = ["movies", "shows", "seasons", "episodes"].into_iter().map(count).sum::<u64>() > 0;
    Ok(match (applied, answer::is_missing(&answer)) {
        (true, _) => receipt(Outcome::Accepted, String::new()),
        (false, true) => unmatched(NAME, &["ids"]),
        (false, false) => receipt(Outcome::Duplicate, "nothing had to be changed"),
    })
}

/// The body that rates exactly this item.
fn entry(item: &Item, rating: Option<(u8, &str)>) -> Option<Value> {
    let rate = |mut entry: Value| {
        if let Some((rating, at)) = rating {
            entry["rating"] = json!(rating);
            entry["rated_at"] = json!(at);
        }
        entry
    };
    let (movie_ids, show_ids, episode_ids) = body::NAMESPACES;
    match &item.kind {
        ItemKind::Movie(movie) => {
            let ids = ids::object(&movie.ids, movie_ids);
            (!ids.is_empty()).then(|| json!({ "movies": [rate(json!({ "ids": ids }))] }))
        }
        ItemKind::Show(show) => {
            let ids = ids::object(&show.ids, show_ids);
            (!ids.is_empty()).then(|| json!({ "shows": [rate(json!({ "ids": ids }))] }))
        }
        ItemKind::Season(season) => {
            let mut show = body::show(&season.show)?;
            show["seasons"] = json!([rate(json!({ "number": season.number }))]);
            Some(json!({ "shows": [show] }))
        }
        ItemKind::Episode(episode) => {
            let ids = ids::object(&episode.ids, episode_ids);
            let is_numbered = episode.season.is_some() && !episode.numbers.is_empty();
            let is_doubtful = is_numbered && body::is_doubtful(&episode.ids);
            if !ids.is_empty() && !is_doubtful {
                return Some(json!({ "episodes": [rate(json!({ "ids": ids }))] }));
            }
            let (mut show, season) = (body::show(&episode.show)?, episode.season?);
            let number = episode.numbers.first()?;
            show["seasons"] = json!([{ "number": season, "episodes": [rate(json!({ "number": number }))] }]);
            Some(json!({ "shows": [show] }))
        }
    }
}
