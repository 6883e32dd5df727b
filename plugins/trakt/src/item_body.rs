//! How an item is named to Trakt.
//!
//! One variant per request, the most exact first: what happens when several are mixed is not documented. Movies have
//! no tvdb id there.

use playrelay_sdk::host::types::{Episode, Item, ItemKind, Movie, Show};
use playrelay_sdk::{ids, matching};
use serde_json::{Map, Value, json};

const MOVIE_IDS: [&str; 4] = ["trakt", "slug", "imdb", "tmdb"];
const SHOW_IDS: [&str; 5] = ["trakt", "slug", "imdb", "tmdb", "tvdb"];
const EPISODE_IDS: [&str; 4] = ["trakt", "tvdb", "imdb", "tmdb"];

/// A way to name an item: the fields of a scrobble, and what it is called in a note.
pub struct Variant {
    /// The fields.
    pub fields: Map<String, Value>,
    /// For people: "episode ids".
    pub name: &'static str,
    /// Whether the id may be of something else, so that it has to be looked up before it is sent.
    pub is_doubtful: bool,
}

/// All ways to name an item in a scrobble. A file with several episodes is named by its first.
pub fn variants(item: &Item) -> Vec<Variant> {
    match &item.kind {
        ItemKind::Movie(movie) => movie_variants(movie),
        ItemKind::Episode(episode) => episode_variants(episode, episode.numbers.first().copied()),
        ItemKind::Season(_) | ItemKind::Show(_) => Vec::new(),
    }
}

fn movie_variants(movie: &Movie) -> Vec<Variant> {
    let ids = ids::object(&movie.ids, &MOVIE_IDS);
    if ids.is_empty() {
        return match (movie.title.is_empty(), movie.year) {
            (false, Some(year)) => {
                vec![variant("title and year", json!({ "movie": { "title": movie.title, "year": year } }))]
            }
            _ => Vec::new(),
        };
    }
    let mut named = json!({ "ids": ids });
    if let (false, Some(year)) = (movie.title.is_empty(), movie.year) {
        named["title"] = json!(movie.title);
        named["year"] = json!(year);
    }
    vec![variant("movie ids", json!({ "movie": named }))]
}

fn episode_variants(episode: &Episode, number: Option<u32>) -> Vec<Variant> {
    let mut variants = Vec::new();
    let own = ids::object(&episode.ids, &EPISODE_IDS);
    let show = show(&episode.show);
    let is_numbered = show.is_some() && episode.season.is_some() && number.is_some();
    let is_doubtful = matching::is_doubtful(&episode.ids);
    let by_own_ids = (!own.is_empty())
        .then(|| Variant { is_doubtful, ..variant("episode ids", json!({ "episode": { "ids": own } })) });
    let (first, last) = if is_numbered && is_doubtful { (None, by_own_ids) } else { (by_own_ids, None) };
    variants.extend(first);
    let by_ids = show.as_ref().is_some_and(|show| show.get("ids").is_some());
    if let (Some(show), Some(season), Some(number)) = (&show, episode.season, number) {
        let name = if by_ids { "show ids, season and number" } else { "show title, season and number" };
        variants
            .push(variant(name, json!({ "show": show, "episode": { "season": season, "number": number } })));
    }
    if let (Some(show), Some(number)) = (&show, episode.absolute_number) {
        variants
            .push(variant("absolute number", json!({ "show": show, "episode": { "number_abs": number } })));
    }
    variants.extend(last);
    variants
}

/// A show by its ids, or by its title and year where it has none: a title without its year would be a guess.
pub fn show(show: &Show) -> Option<Value> {
    let ids = ids::object(&show.ids, &SHOW_IDS);
    if !ids.is_empty() {
        return Some(json!({ "ids": ids }));
    }
    let year = show.year.filter(|_| !show.title.is_empty())?;
    Some(json!({ "title": show.title, "year": year }))
}

fn variant(name: &'static str, fields: Value) -> Variant {
    match fields {
        Value::Object(fields) => Variant { fields, name, is_doubtful: false },
        _ => Variant { fields: Map::new(), name, is_doubtful: false },
    }
}

/// The note about an id that names something else.
pub const DOUBTFUL: &str = "an id of TMDb that is not this episode's";

/// Ids of a movie, a show and an episode, in this order.
pub const NAMESPACES: (&[&str], &[&str], &[&str]) = (&MOVIE_IDS, &SHOW_IDS, &EPISODE_IDS);

/// Whether an episode's own id may be its show's, so that its numbers say more.
pub fn has_doubtful_id(episode: &Episode) -> bool {
    matching::is_doubtful(&episode.ids) && by_numbers(episode, &episode.numbers, None).is_some()
}

/// An episode, or several of one file, by the show and their numbers: `at` is when they were watched. Absent if the numbers or the show are unknown.
pub fn by_numbers(episode: &Episode, numbers: &[u32], at: Option<&str>) -> Option<Value> {
    let (mut show, season) = (show(&episode.show)?, episode.season?);
    if numbers.is_empty() {
        return None;
    }
    let timed = |number: &u32| match at {
        Some(at) => json!({ "number": number, "watched_at": at }),
        None => json!({ "number": number }),
    };
    let episodes: Vec<_> = numbers.iter().map(timed).collect();
    show["seasons"] = json!([{ "number": season, "episodes": episodes }]);
    Some(json!({ "shows": [show] }))
}

#[cfg(test)]
mod tests {
    use playrelay_sdk::host::types::ExternalId;

    use super::*;

    fn id(namespace: &str, value: &str) -> ExternalId {
        ExternalId { namespace: namespace.to_owned(), value: value.to_owned() }
    }

    fn item_json(kind: ItemKind) -> Vec<(&'static str, Value)> {
        let item = Item { kind, server_ref: None, server_show_ref: None, runtime_ms: None, ext: Vec::new() };
        variants(&item).into_iter().map(|variant| (variant.name, Value::Object(variant.fields))).collect()
    }

    fn episode(own: &[ExternalId], of_show: &[ExternalId], title: &str) -> ItemKind {
        ItemKind::Episode(Episode {
            show: Show {
                title: title.to_owned(),
                original_title: None,
                year: Some(2008),
                ids: of_show.to_vec(),
            },
            season: Some(0),
            numbers: vec![3, 4],
            absolute_number: Some(164),
            title: None,
            year: None,
            ids: own.to_vec(),
        })
    }

    #[test]
    fn items_are_named_from_the_most_exact_on() {
        let own = [id("tvdb", "349232"), id("imdb", "tt0959621"), id("anidb", "1")];
        let show = [id("tvdb", "81189")];
        let movie = |ids: Vec<ExternalId>, year| {
            ItemKind::Movie(Movie { title: "Mirror".to_owned(), original_title: None, year, ids })
        };
        insta::assert_json_snapshot!(
            "variants",
            [
                item_json(episode(&own, &show, "Breaking Bad")),
                item_json(episode(&[], &[], "Breaking Bad")),
                item_json(episode(&[], &[], "")),
                item_json(movie(vec![id("imdb", "tt0072443"), id("tvdb", "2110")], Some(1975))),
                item_json(movie(vec![id("tvdb", "2110")], Some(1975))),
                item_json(movie(Vec::new(), None)),
            ]
        );
    }
}
