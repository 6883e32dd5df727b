//! How an item is named to MDBList: season and episode are nested in the show. A show without an episode below it would be
//! all of the show, so none is ever sent like that to the history.

use playrelay_sdk::host::types::{Episode, ExternalId, Item, ItemKind, Movie, Show};
use playrelay_sdk::ids;
use serde_json::{Map, Value, json};

/// Ids of a movie.
pub const MOVIE_IDS: [&str; 5] = ["imdb", "tmdb", "trakt", "kitsu", "mdblist"];
/// Ids of a show.
pub const SHOW_IDS: [&str; 5] = ["imdb", "tmdb", "trakt", "tvdb", "mdblist"];
/// Ids of an episode.
const EPISODE_IDS: [&str; 3] = ["imdb", "tmdb", "tvdb"];

/// A way to name an item: the fields of a scrobble, and what it is called in a note.
pub struct Variant {
    /// The fields.
    pub fields: Map<String, Value>,
    /// For people: "show ids, season and number".
    pub name: &'static str,
}

/// All ways to name an item, the most exact first. A file with several episodes is named by its first.
pub fn variants(item: &Item) -> Vec<Variant> {
    let named: Vec<(&'static str, Value)> = match &item.kind {
        ItemKind::Movie(movie) => {
            movie_named(movie).map(|(name, movie)| (name, json!({ "movie": movie }))).into_iter().collect()
        }
        ItemKind::Episode(episode) => episode_variants(episode),
        ItemKind::Season(_) | ItemKind::Show(_) => Vec::new(),
    };
    let variant = |(name, fields)| match fields {
        Value::Object(fields) => Variant { fields, name },
        _ => Variant { fields: Map::new(), name },
    };
    named.into_iter().map(variant).collect()
}

fn episode_variants(episode: &Episode) -> Vec<(&'static str, Value)> {
    let (Some((by, show)), Some(season), Some(number)) =
        (show_named(&episode.show), episode.season, episode.numbers.first())
    else {
        return Vec::new();
    };
    let with = |inner: Value| {
        let mut show = show.clone();
        show["season"] = json!({ "number": season, "episode": inner });
        json!({ "show": show })
    };
    let own = ids::object(&episode.ids, &EPISODE_IDS);
    let mut variants = Vec::new();
    if !own.is_empty() && by == "show ids" {
        variants.push(("episode ids", with(json!({ "number": number, "ids": own }))));
    }
    let name = if by == "show ids" { "show ids, season and number" } else { "show title, season and number" };
    variants.push((name, with(json!({ "number": number }))));
    variants
}

/// A movie by its ids, or by its title and year where it has none.
pub fn movie_named(movie: &Movie) -> Option<(&'static str, Value)> {
    item_json(&movie.title, movie.year, ids::object(&movie.ids, &MOVIE_IDS), "movie ids")
}

/// A show by its ids, or by its title and year where it has none.
pub fn show_named(show: &Show) -> Option<(&'static str, Value)> {
    item_json(&show.title, show.year, ids::object(&show.ids, &SHOW_IDS), "show ids")
}

fn item_json(
    title: &str,
    year: Option<u16>,
    ids: Map<String, Value>,
    name: &'static str,
) -> Option<(&'static str, Value)> {
    if !ids.is_empty() {
        return Some((name, json!({ "ids": ids })));
    }
    let year = year.filter(|_| !title.is_empty())?;
    Some(("title and year", json!({ "title": title, "year": year })))
}

/// A title as the watchlist takes it: which list, and ids without an object around them.
pub fn listed(item: &Item) -> Option<(&'static str, Value)> {
    let flat = |ids: &[ExternalId], known: &[&str]| {
        let ids = ids::object(ids, known);
        (!ids.is_empty()).then_some(Value::Object(ids))
    };
    match &item.kind {
        ItemKind::Movie(movie) => Some(("movies", flat(&movie.ids, &["imdb", "tmdb"])?)),
        // The documents name no `tvdb` here: it is sent where there is nothing else.
        ItemKind::Show(show) => {
            let named = flat(&show.ids, &["imdb", "tmdb"]).or_else(|| flat(&show.ids, &["tvdb"]));
            Some(("shows", named?))
        }
        ItemKind::Season(_) | ItemKind::Episode(_) => None,
    }
}

/// A body of `/sync` that names exactly this item, with some more fields; `numbers` are those of a file's episodes.
pub fn sync_body(item: &Item, numbers: &[u32], with: impl Fn(Value) -> Value) -> Option<Value> {
    Some(match &item.kind {
        ItemKind::Movie(movie) => json!({ "movies": [with(movie_named(movie)?.1)] }),
        ItemKind::Show(show) => json!({ "shows": [with(show_named(show)?.1)] }),
        ItemKind::Season(season) => {
            let mut show = show_named(&season.show)?.1;
            show["seasons"] = json!([with(json!({ "number": season.number }))]);
            json!({ "shows": [show] })
        }
        ItemKind::Episode(episode) => {
            let (mut show, season) = (show_named(&episode.show)?.1, episode.season?);
            if numbers.is_empty() {
                return None;
            }
            let episodes: Vec<Value> =
                numbers.iter().map(|number| with(json!({ "number": number }))).collect();
            show["seasons"] = json!([{ "number": season, "episodes": episodes }]);
            json!({ "shows": [show] })
        }
    })
}

/// Everything of which there can be some in a summary.
pub const KINDS: [&str; 4] = ["movies", "shows", "seasons", "episodes"];

/// Ids under their plain names: MDBList writes them in two ways, `imdb` and `imdbid`.
pub fn plain_ids(theirs: &Value) -> Value {
    let fields = theirs.as_object().into_iter().flatten();
    let plain: Map<String, Value> =
        fields.map(|(name, id)| (name.strip_suffix("id").unwrap_or(name).to_owned(), id.clone())).collect();
    Value::Object(plain)
}
