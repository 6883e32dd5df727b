//! Files that map ids of anime catalogues.
//!
//! Facts: the files of `Kometa-Team/Anime-IDs` (an object by AniDB's ids) and of `Fribb/anime-lists` (a list), 2026-11.

use playrelay_engine::mapping::anime::{AnimeCatalogues, AnimeEntry, AnimeIndex};
use serde_json::Value;

/// The catalogues that the files are about.
pub const CATALOGUES: AnimeCatalogues =
    AnimeCatalogues { anime: &["anidb", "mal", "anilist", "kitsu"], general: &["imdb", "tmdb", "tvdb"] };

/// Why a file is no mapping of anime.
#[derive(Debug, thiserror::Error)]
pub enum AnimeFileError {
    /// It is not JSON.
    #[error("it is not valid JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// It has another form.
    #[error(
        "it has no entry with an id of an anime catalogue and one of TVDB, TMDb or IMDb; expected the form of anime_ids.json of Kometa, or of \
             anime-list-full.json of Fribb"
    )]
    Form,
}

/// Reads a file.
///
/// # Errors
///
/// It is not JSON, or has no entry of a known form.
pub fn parse(bytes: &[u8]) -> Result<AnimeIndex, AnimeFileError> {
    let entries: Vec<AnimeEntry> = match serde_json::from_slice(bytes)? {
        Value::Object(entries) => entries.iter().filter_map(|(id, entry)| read(Some(id), entry)).collect(),
        Value::Array(entries) => entries.iter().filter_map(|entry| read(None, entry)).collect(),
        _ => Vec::new(),
    };
    match entries.is_empty() {
        true => Err(AnimeFileError::Form),
        false => Ok(AnimeIndex::new(CATALOGUES, entries)),
    }
}

/// An entry. `key` is its name in an object: AniDB's id, unless the entry has one itself.
fn read(key: Option<&str>, entry: &Value) -> Option<AnimeEntry> {
    let first = |names: &[&str]| names.iter().find_map(|name| ids(&entry[*name]).into_iter().next());
    let mut anime: Vec<(&'static str, String)> = Vec::new();
    for (namespace, name) in
        [("anidb", "anidb_id"), ("mal", "mal_id"), ("anilist", "anilist_id"), ("kitsu", "kitsu_id")]
    {
        anime.extend(ids(&entry[name]).into_iter().map(|id| (namespace, id)));
    }
    if let Some(key) = key.filter(|_| anime.iter().all(|(namespace, _)| *namespace != "anidb")) {
        anime.push(("anidb", key.to_owned()));
    }
    let number = |value: &Value| value.as_i64().and_then(|number| i32::try_from(number).ok());
    let is_film = entry["type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("movie"));
    let (mut tmdb_show, mut tmdb_movie) = (first(&["tmdb_show_id"]), first(&["tmdb_movie_id"]));
    // One list has one name for both, another an object with both.
    if let Some(id) = first(&["themoviedb_id"]) {
        if is_film {
            tmdb_movie.get_or_insert(id)
        } else {
            tmdb_show.get_or_insert(id)
        };
    }
    let nested = |kind: &str| ids(&entry["themoviedb_id"][kind]).into_iter().next();
    tmdb_show = tmdb_show.or_else(|| nested("tv"));
    tmdb_movie = tmdb_movie.or_else(|| nested("movie"));
    let imdb = first(&["imdb_id"]);
    let tvdb = first(&["tvdb_id", "thetvdb_id"]).filter(|_| !is_film);
    let named = |ids: [(&'static str, Option<String>); 2]| {
        ids.into_iter().filter_map(|(name, id)| Some((name, id?))).collect::<Vec<_>>()
    };
    let read = AnimeEntry {
        anime,
        series: named([("tvdb", tvdb), ("tmdb", tmdb_show)]),
        season: number(&entry["tvdb_season"]).or_else(|| number(&entry["season"]["tvdb"])),
        offset: number(&entry["tvdb_epoffset"])
            .or_else(|| number(&entry["episode_offset"]["tvdb"]))
            .unwrap_or(0),
        film: named([("tmdb", tmdb_movie), ("imdb", imdb)]),
    };
    let leads_somewhere = !read.series.is_empty() || !read.film.is_empty();
    (!read.anime.is_empty() && leads_somewhere).then_some(read)
}

/// Ids, as numbers, texts, texts with commas between, or lists of these.
fn ids(value: &Value) -> Vec<String> {
    match value {
        Value::Number(number) if number.as_u64().is_some_and(|number| number > 0) => vec![number.to_string()],
        Value::String(text) => text
            .split(',')
            .map(str::trim)
            .filter(|id| !id.is_empty() && *id != "unknown")
            .map(str::to_owned)
            .collect(),
        Value::Array(several) => several.iter().flat_map(ids).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_forms_are_read() {
        let object = json!({
            "17": { "tvdb_id": 70, "tvdb_season": 3, "tvdb_epoffset": 12, "mal_id": "5,6", "imdb_id": "" },
            "18": { "tmdb_movie_id": "44", "mal_id": 7 },
            "19": { "mal_id": 8 },
        });
        let list = json!([
            { "anidb_id": 17, "thetvdb_id": 70, "season": { "tvdb": 3 }, "mal_id": 5, "type": "TV" },
            { "anidb_id": 18, "themoviedb_id": 44, "type": "MOVIE" },
            { "anidb_id": 19, "tvdb_id": 71, "themoviedb_id": { "tv": 9 }, "imdb_id": ["tt5"] },
            { "mal_id": 20 },
        ]);
        assert_eq!(parse(object.to_string().as_bytes()).unwrap().len(), 2);
        assert_eq!(parse(list.to_string().as_bytes()).unwrap().len(), 3);
        let entry = read(Some("17"), &object["17"]).unwrap();
        assert_eq!(
            entry.anime,
            [("mal", "5".to_owned()), ("mal", "6".to_owned()), ("anidb", "17".to_owned())]
        );
        assert_eq!(
            (entry.series, entry.season, entry.offset, entry.film),
            (vec![("tvdb", "70".to_owned())], Some(3), 12, Vec::new())
        );
    }

    #[test]
    fn what_is_no_mapping_is_refused() {
        for text in ["", "{", "[]", "{}", "3", r#"{"a": 1}"#, r#"[{"anidb_id": 1}]"#] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
