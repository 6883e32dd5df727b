//! What Trakt knows.

use serde_json::{Map, Value, json};

/// A title.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A movie.
    Movie {
        /// As Trakt calls it.
        title: String,
        /// Of release.
        year: u16,
        /// Of the movie.
        ids: Map<String, Value>,
    },
    /// An episode.
    Episode {
        /// The show's title.
        show: String,
        /// In which the show began.
        show_year: u16,
        /// Of the show.
        show_ids: Map<String, Value>,
        /// 0 for specials.
        season: u32,
        /// Within the season.
        number: u32,
        /// Of the episode.
        ids: Map<String, Value>,
    },
}

impl Entry {
    /// As people call it.
    pub fn name(&self) -> String {
        match self {
            Self::Movie { title, .. } => title.clone(),
            Self::Episode { show, season, number, .. } => format!("{show} {season}x{number:02}"),
        }
    }
}

fn object(ids: Value) -> Map<String, Value> {
    ids.as_object().expect("ids are an object").clone()
}

/// A movie.
pub fn movie(title: &str, year: u16, ids: Value) -> Entry {
    Entry::Movie { title: title.to_owned(), year, ids: object(ids) }
}

/// An episode of a show, given as (title, year, ids).
pub fn episode(show: (&str, u16, Value), season: u32, number: u32, ids: Value) -> Entry {
    let (title, show_year, show_ids) = show;
    Entry::Episode {
        show: title.to_owned(),
        show_year,
        show_ids: object(show_ids),
        season,
        number,
        ids: object(ids),
    }
}

/// Titles whose ids are in Trakt's documentation; one show has the same tmdb number as a movie.
pub fn seed() -> Vec<Entry> {
    let breaking_bad = || {
        let ids =
            json!({ "trakt": 1, "slug": "breaking-bad", "imdb": "tt0903747", "tmdb": 1396, "tvdb": 81189 });
        ("Breaking Bad", 2008, ids)
    };
    vec![
        movie(
            "Guardians of the Galaxy",
            2014,
            json!({ "trakt": 28, "slug": "guardians-of-the-galaxy-2014", "imdb": "tt2015381", "tmdb": 118_340 }),
        ),
        movie(
            "Inception",
            2010,
            json!({ "trakt": 16_662, "slug": "inception-2010", "imdb": "tt1375666", "tmdb": 27_205 }),
        ),
        movie(
            "Mirror",
            1975,
            json!({ "trakt": 1_050, "slug": "mirror-1975", "imdb": "tt0072443", "tmdb": 1396 }),
        ),
        episode(
            breaking_bad(),
            1,
            1,
            json!({ "trakt": 16, "tvdb": 349_232, "imdb": "tt0959621", "tmdb": 62_085 }),
        ),
        episode(
            breaking_bad(),
            1,
            2,
            json!({ "trakt": 17, "tvdb": 349_235, "imdb": "tt1054724", "tmdb": 62_086 }),
        ),
        episode(
            breaking_bad(),
            1,
            3,
            json!({ "trakt": 18, "tvdb": 349_236, "imdb": "tt1054725", "tmdb": 62_087 }),
        ),
        episode(breaking_bad(), 0, 1, json!({ "trakt": 900, "tvdb": 3_859_781, "tmdb": 64_742 })),
    ]
}

/// The title that a request names: `{"movie":…}`, `{"episode":{"ids":…}}`, or `{"show":…,"episode":{season,number}}`.
pub fn find<'a>(catalogue: &'a [Entry], named: &Value) -> Option<&'a Entry> {
    catalogue.iter().find(|entry| match entry {
        Entry::Movie { title, year, ids } => is_named(&named["movie"], title, *year, ids),
        Entry::Episode { show, show_year, show_ids, season, number, ids } => {
            let episode = &named["episode"];
            if episode["ids"].is_object() {
                return shares_id(&episode["ids"], ids);
            }
            episode["season"] == json!(season)
                && episode["number"] == json!(number)
                && is_named(&named["show"], show, *show_year, show_ids)
        }
    })
}

fn is_named(named: &Value, title: &str, year: u16, ids: &Map<String, Value>) -> bool {
    if named["ids"].is_object() {
        return shares_id(&named["ids"], ids);
    }
    named["title"].as_str() == Some(title) && (named["year"].is_null() || named["year"] == json!(year))
}

fn shares_id(named: &Value, ids: &Map<String, Value>) -> bool {
    ids.iter().any(|(namespace, id)| named.get(namespace) == Some(id))
}
