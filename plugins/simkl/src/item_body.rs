//! How an item is named to SIMKL.
//!
//! Anime has an entry per season there. It is named either by ids of the whole series (imdb, tmdb, tvdb) with a season and a
//! number, or by ids of the season's entry (mal, anidb, …) with a number; a body with both matches whichever comes first.

use playrelay_sdk::host::types::{Episode, Item, ItemKind, Movie, Show};
use playrelay_sdk::ids;
use serde_json::{Map, Value, json};

/// Ids of a movie, and of a series as a whole.
const SERIES_IDS: [&str; 4] = ["simkl", "imdb", "tmdb", "tvdb"];
/// Ids of a season of anime, each with an entry of its own.
const ANIME_IDS: [&str; 4] = ["mal", "anidb", "anilist", "kitsu"];
/// The ids of an episode that SIMKL takes.
const EPISODE_IDS: [&str; 2] = ["tvdb", "anidb"];

/// A way to name an item: the fields of a scrobble, and what it is called in a note.
pub struct Variant {
    /// The fields.
    pub fields: Map<String, Value>,
    /// For people: "show ids, season and number".
    pub name: &'static str,
}

/// All ways to name an item, the most exact first. A file with several episodes is named by its first.
pub fn variants(item: &Item) -> Vec<Variant> {
    match &item.kind {
        ItemKind::Movie(movie) => movie_named(movie)
            .map(|(name, named)| vec![variant(name, json!({ "movie": named }))])
            .unwrap_or_default(),
        ItemKind::Episode(episode) => episode_variants(episode),
        ItemKind::Season(_) | ItemKind::Show(_) => Vec::new(),
    }
}

/// A movie by its ids, or by its title and year where it has none.
fn movie_named(movie: &Movie) -> Option<(&'static str, Value)> {
    let mut all = ids::object(&movie.ids, &SERIES_IDS);
    all.append(&mut ids::object(&movie.ids, &ANIME_IDS));
    item_json(&movie.title, movie.year, all, "movie ids")
}

fn episode_variants(episode: &Episode) -> Vec<Variant> {
    let mut variants = Vec::new();
    let number = episode.numbers.first().copied();
    let of_series = ids::object(&episode.show.ids, &SERIES_IDS);
    let of_season = ids::object(&episode.show.ids, &ANIME_IDS);
    let own = ids::object(&episode.ids, &EPISODE_IDS);
    let wrapper = if of_season.is_empty() { "show" } else { "anime" };
    if let (false, Some(season), Some(number)) = (of_series.is_empty(), episode.season, number) {
        let numbers = json!({ "season": season, "number": number });
        // The title and the year help where SIMKL does not know an id.
        let Some((_, entry)) = item_json(&episode.show.title, episode.show.year, of_series, "") else {
            return variants;
        };
        if !own.is_empty() {
            // They beat the numbers; one that is out of date is not found.
            let with_ids = json!({ "season": season, "number": number, "ids": own });
            variants.push(variant("episode ids", json!({ wrapper: entry, "episode": with_ids })));
        }
        variants.push(variant("show ids, season and number", json!({ wrapper: entry, "episode": numbers })));
        if wrapper == "show" {
            variants.push(variant("the same as anime", json!({ "anime": entry, "episode": numbers })));
        }
    }
    if let (false, Some(number)) = (of_season.is_empty(), number_in_entry(episode, number)) {
        let fields = json!({ "anime": { "ids": of_season }, "episode": { "number": number } });
        variants.push(variant("anime ids and number", fields));
    }
    if variants.is_empty()
        && let (Some(season), Some(number)) = (episode.season, number)
        && let Some((_, show)) = item_json(&episode.show.title, episode.show.year, Map::new(), "")
    {
        let numbers = json!({ "season": season, "number": number });
        variants.push(variant("show title, season and number", json!({ "show": show, "episode": numbers })));
    }
    if !own.is_empty() {
        variants.push(variant("episode ids alone", json!({ "episode": { "ids": own } })));
    }
    variants
}

/// The number of an episode in its season's own entry: what has no season, or the first, counts like that; of another season
/// nobody knows what the entry is of.
fn number_in_entry(episode: &Episode, number: Option<u32>) -> Option<u32> {
    match episode.season {
        None => number.or(episode.absolute_number),
        Some(1) => number,
        Some(_) => None,
    }
}

/// Ways to name episodes of a show in `/sync`, the most exact first: each a show with these episodes below it, and nothing else.
pub fn sync_body(
    episode: &Episode,
    numbers: &[u32],
    with: impl Fn(Value) -> Value,
) -> Vec<(&'static str, Value)> {
    let of_series = ids::object(&episode.show.ids, &SERIES_IDS);
    let of_season = ids::object(&episode.show.ids, &ANIME_IDS);
    let own = ids::object(&episode.ids, &EPISODE_IDS);
    let show = |ids: &Map<String, Value>, season: u32, own: &Map<String, Value>| {
        let (_, mut show) = item_json(&episode.show.title, episode.show.year, ids.clone(), "")?;
        let episodes: Vec<Value> = numbers
            .iter()
            .map(|number| match own.is_empty() {
                true => with(json!({ "number": number })),
                false => with(json!({ "number": number, "ids": own })),
            })
            .collect();
        show["seasons"] = json!([{ "number": season, "episodes": episodes }]);
        Some(show)
    };
    let none = Map::new();
    let mut all = Vec::new();
    if let (false, Some(season)) = (numbers.is_empty(), episode.season) {
        // The numbers are those of TVDB and TMDb, also of anime.
        let of_series = |own: &Map<String, Value>| {
            let mut show = show(&of_series, season, own)?;
            show["use_tvdb_anime_seasons"] = json!(true);
            Some(show)
        };
        // They are those of the first of several episodes.
        if episode.numbers.len() == 1 && !own.is_empty() {
            all.extend(of_series(&own).map(|show| ("episode ids", show)));
        }
        all.extend(of_series(&none).map(|show| ("show, season and number", show)));
    }
    if !of_season.is_empty() && numbers.iter().all(|number| number_in_entry(episode, Some(*number)).is_some())
    {
        let by_entry = (!numbers.is_empty()).then(|| show(&of_season, 1, &none)).flatten();
        all.extend(by_entry.map(|show| ("anime ids and number", show)));
    }
    all
}

/// A movie or a show as `/sync` takes it: which list it belongs to, and how it is named.
pub fn title(item: &Item) -> Option<(&'static str, Value)> {
    match &item.kind {
        ItemKind::Movie(movie) => Some(("movies", movie_named(movie)?.1)),
        ItemKind::Show(show) => Some(("shows", show_named(show)?)),
        ItemKind::Season(_) | ItemKind::Episode(_) => None,
    }
}

/// A show by the ids of the whole series; by those of its season's entry, or its title, where it has no others.
fn show_named(show: &Show) -> Option<Value> {
    let of_series = ids::object(&show.ids, &SERIES_IDS);
    let all = if of_series.is_empty() { ids::object(&show.ids, &ANIME_IDS) } else { of_series };
    item_json(&show.title, show.year, all, "show ids").map(|(_, named)| named)
}

fn item_json(
    title: &str,
    year: Option<u16>,
    ids: Map<String, Value>,
    name: &'static str,
) -> Option<(&'static str, Value)> {
    let mut named = json!({});
    if !title.is_empty() {
        named["title"] = json!(title);
        if let Some(year) = year {
            named["year"] = json!(year);
        }
    }
    if !ids.is_empty() {
        named["ids"] = Value::Object(ids);
        return Some((name, named));
    }
    // A title without its year would be a guess.
    (!title.is_empty() && year.is_some()).then_some(("title and year", named))
}

fn variant(name: &'static str, fields: Value) -> Variant {
    match fields {
        Value::Object(fields) => Variant { fields, name },
        _ => Variant { fields: Map::new(), name },
    }
}

/// The namespaces that tell whether a title is the same.
pub const SHARED_IDS: [&str; 8] = ["simkl", "imdb", "tmdb", "tvdb", "mal", "anidb", "anilist", "kitsu"];

#[cfg(test)]
mod tests {
    use playrelay_sdk::host::types::ExternalId;

    use super::*;

    fn id(namespace: &str, value: &str) -> ExternalId {
        ExternalId { namespace: namespace.to_owned(), value: value.to_owned() }
    }

    fn bodies(own: &[ExternalId], of_show: &[ExternalId], season: Option<u32>) -> Vec<(&'static str, Value)> {
        let episode = Episode {
            show: Show {
                title: "Attack on Titan".to_owned(),
                original_title: None,
                year: Some(2013),
                ids: of_show.to_vec(),
            },
            season,
            numbers: vec![4],
            absolute_number: Some(29),
            title: None,
            year: None,
            ids: own.to_vec(),
        };
        let variants = episode_variants(&episode).into_iter();
        variants.map(|variant| (variant.name, Value::Object(variant.fields))).collect()
    }

    #[test]
    fn styles_of_naming_are_never_mixed() {
        let (series, season) = (id("tvdb", "267440"), id("mal", "25777"));
        insta::assert_json_snapshot!(
            "variants",
            [
                bodies(&[id("tvdb", "5057304"), id("imdb", "tt1")], std::slice::from_ref(&series), Some(2)),
                bodies(&[], &[series, season.clone()], Some(2)),
                bodies(&[], std::slice::from_ref(&season), Some(1)),
                bodies(&[], &[season], None),
                bodies(&[], &[], Some(2)),
                bodies(&[], &[], None),
            ]
        );
    }
}
