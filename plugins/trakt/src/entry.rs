//! Entries of the history and of the resume points, as Trakt lists them.

use playrelay_sdk::host::types::{Item, ItemKind};
use playrelay_sdk::ids::share;
use serde_json::Value;

use crate::item_body;

/// Whether an entry of the history is this item: by an id of its own, or by the show's and the numbers.
pub fn is_same(entry: &Value, item: &Item, number: Option<u32>) -> bool {
    let (movie_ids, show_ids, episode_ids) = item_body::NAMESPACES;
    match &item.kind {
        ItemKind::Movie(movie) => {
            share(&movie.ids, movie_ids, &entry["movie"]["ids"]) || {
                let same_title = entry["movie"]["title"].as_str().is_some_and(|title| title == movie.title);
                same_title && entry["movie"]["year"].as_u64() == movie.year.map(u64::from)
            }
        }
        ItemKind::Episode(episode) => {
            let numbered = number.is_some()
                && entry["episode"]["season"].as_u64() == episode.season.map(u64::from)
                && entry["episode"]["number"].as_u64() == number.map(u64::from);
            let same_show = share(&episode.show.ids, show_ids, &entry["show"]["ids"])
                || (!episode.show.title.is_empty()
                    && entry["show"]["title"].as_str() == Some(&episode.show.title));
            let first = number.is_none() || number == episode.numbers.first().copied();
            let by_own_id = first && !item_body::has_doubtful_id(episode);
            (by_own_id && share(&episode.ids, episode_ids, &entry["episode"]["ids"]))
                || (numbered && same_show)
        }
        ItemKind::Season(_) | ItemKind::Show(_) => false,
    }
}
