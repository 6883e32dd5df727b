//! What catalogues know: titles with consistent ids, and how a request names them.

use serde_json::{Map, Value, json};

/// A title.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A movie.
    Movie {
        /// As it is called.
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
        /// Through all seasons.
        absolute: Option<u32>,
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
        absolute: None,
        ids: object(ids),
    }
}

impl Entry {
    /// The same with a number through all seasons.
    pub fn with_absolute_number(mut self, through_all: u32) -> Self {
        if let Self::Episode { absolute, .. } = &mut self {
            *absolute = Some(through_all);
        }
        self
    }

    /// The same, as somebody has it who knows only some catalogues' ids: those of movies, of shows and of episodes.
    pub fn restrict_ids(mut self, movies: &[&str], shows: &[&str], episodes: &[&str]) -> Self {
        let keep = |ids: &mut Map<String, Value>, known: &[&str]| {
            ids.retain(|name, _| known.contains(&name.as_str()));
        };
        match &mut self {
            Self::Movie { ids, .. } => keep(ids, movies),
            Self::Episode { show_ids, ids, .. } => {
                keep(show_ids, shows);
                keep(ids, episodes);
            }
        }
        self
    }

    /// The movie, or the show of an episode.
    pub fn title(&self) -> &str {
        match self {
            Self::Movie { title, .. } => title,
            Self::Episode { show, .. } => show,
        }
    }

    /// Whether it is a movie.
    pub fn is_movie(&self) -> bool {
        matches!(self, Self::Movie { .. })
    }

    /// Ids of the movie, or of the show of an episode.
    pub fn title_ids(&self) -> &Map<String, Value> {
        match self {
            Self::Movie { ids, .. } => ids,
            Self::Episode { show_ids, .. } => show_ids,
        }
    }

    /// In which the movie came out, or the show began.
    pub fn title_year(&self) -> u16 {
        match self {
            Self::Movie { year, .. } => *year,
            Self::Episode { show_year, .. } => *show_year,
        }
    }
}

/// Titles whose ids are in Trakt's documentation; one show has the same tmdb number as a movie.
pub fn sample_titles() -> Vec<Entry> {
    let breaking_bad = || {
        let ids = json!({ "trakt": 1, "slug": "breaking-bad", "imdb": "tt0903747", "tmdb": 1396, "tvdb": 81189, "simkl": 11_121 });
        ("Breaking Bad", 2008, ids)
    };
    vec![
        movie(
            "Guardians of the Galaxy",
            2014,
            json!({ "trakt": 28, "slug": "guardians-of-the-galaxy-2014", "imdb": "tt2015381", "tmdb": 118_340, "simkl": 270_990 }),
        ),
        movie(
            "Inception",
            2010,
            json!({ "trakt": 16_662, "slug": "inception-2010", "imdb": "tt1375666", "tmdb": 27_205, "simkl": 472_214 }),
        ),
        movie(
            "Mirror",
            1975,
            json!({ "trakt": 1_050, "slug": "mirror-1975", "imdb": "tt0072443", "tmdb": 1396, "simkl": 57_001 }),
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
        // One season of anime, which SIMKL has as an entry of its own.
        episode(
            (
                "Attack on Titan",
                2013,
                json!({ "trakt": 1420, "imdb": "tt2560140", "tmdb": 1429, "tvdb": 267_440, "simkl": 439_744,
                        "mal": 25_777, "anilist": 20_958, "anidb": 10_944 }),
            ),
            2,
            4,
            json!({ "trakt": 63_056, "tvdb": 5_057_304 }),
        ),
        episode(
            ("One Piece", 1999, json!({ "trakt": 37_696, "imdb": "tt0388629", "tmdb": 37_854, "tvdb": 81_797, "simkl": 38_636 })),
            9,
            21,
            json!({ "trakt": 856_373, "tvdb": 362_082 }),
        )
        .with_absolute_number(164),
    ]
}

/// The title that a request names: `{"movie":…}`, `{"episode":{"ids":…}}`, or `{"show":…,"episode":{season,number}}`.
pub fn find<'a>(catalogue: &'a [Entry], named: &Value) -> Option<&'a Entry> {
    catalogue.iter().find(|entry| match entry {
        Entry::Movie { title, year, ids } => is_named(&named["movie"], title, *year, ids),
        Entry::Episode { show, show_year, show_ids, season, number, absolute, ids } => {
            let episode = &named["episode"];
            if episode["ids"].is_object() {
                return shares_id(&episode["ids"], ids);
            }
            let by_number = episode["season"] == json!(season) && episode["number"] == json!(number);
            let by_absolute = absolute.is_some_and(|absolute| episode["number_abs"] == json!(absolute));
            (by_number || by_absolute) && is_named(&named["show"], show, *show_year, show_ids)
        }
    })
}

/// Whether a movie or a show is named, by its ids or its title and year.
pub fn is_named(named: &Value, title: &str, year: u16, ids: &Map<String, Value>) -> bool {
    if named["ids"].is_object() {
        return shares_id(&named["ids"], ids);
    }
    named["title"].as_str() == Some(title) && (named["year"].is_null() || named["year"] == json!(year))
}

/// Whether an id, a number or text, is what stands in a path.
pub fn is_id(known: &Value, written: &str) -> bool {
    text(known) == written
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Whether an id is among those that are named, written as a number or as text.
pub fn shares_id(named: &Value, ids: &Map<String, Value>) -> bool {
    ids.iter().any(|(namespace, id)| named.get(namespace).is_some_and(|named| text(named) == text(id)))
}
