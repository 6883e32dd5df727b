//! Finds what an item is: by ids of others first, by its title and year where it has none.

use playrelay_sdk::capability::metadata::Candidate;
use playrelay_sdk::host::types::{Episode, ExternalId, Failure, Field, Item, ItemKind, Movie, Show};
use playrelay_sdk::ids;
use playrelay_sdk::json::{text, whole};
use playrelay_sdk::titles::normalized;
use serde_json::Value;

use crate::api;

/// Candidates of a search that are looked at.
const MAX_DETAILS: usize = 5;
/// The confidence from which the ids of a candidate are fetched: the host takes none below.
const MIN_CONFIDENCE: f64 = 0.85;
/// Ids by which `/find` finds.
const FINDABLE: [(&str, &str); 2] = [("imdb", "imdb_id"), ("tvdb", "tvdb_id")];

/// A title that a search gave.
struct Found {
    id: u64,
    title: String,
    original_title: Option<String>,
    year: Option<u16>,
    genres: Vec<String>,
    confidence: f64,
}

/// Best first; empty where nothing fits.
pub fn find(item: &Item) -> Result<Vec<Candidate>, Failure> {
    let with = |kind: ItemKind| Item { kind, ..item.clone() };
    match &item.kind {
        ItemKind::Movie(movie) => candidates(find_movies(movie)?, |found| {
            Ok(with(ItemKind::Movie(Movie {
                ids: all_ids("movie", found)?,
                title: found.title.clone(),
                original_title: found.original_title.clone(),
                year: found.year,
            })))
        }),
        ItemKind::Show(show) => {
            candidates(find_shows(show)?, |found| Ok(with(ItemKind::Show(full_show(found)?))))
        }
        ItemKind::Season(season) => candidates(find_shows(&season.show)?, |found| {
            let mut season = season.clone();
            season.show = full_show(found)?;
            Ok(with(ItemKind::Season(season)))
        }),
        ItemKind::Episode(episode) => find_episode(item, episode),
    }
}

fn find_episode(item: &Item, episode: &Episode) -> Result<Vec<Candidate>, Failure> {
    let mut named = episode.clone();
    // TMDb's own numbers of the episode: the server may count in another order.
    let mut place = None;
    // An episode by its own id says of which show it is, whatever that was called.
    if let Some(found) = by_ids(&episode.ids, "tv_episode_results")? {
        let (season, number) =
            (whole::<u32>(&found["season_number"]), whole::<u32>(&found["episode_number"]));
        place = season.zip(number);
        named.season = named.season.or(season);
        if named.numbers.is_empty() {
            named.numbers.extend(number);
        }
        if let Some(show) = text(&found["show_id"]) {
            named.show.ids.retain(|id| id.namespace != "tmdb");
            named.show.ids.push(ExternalId { namespace: "tmdb".to_owned(), value: show });
        }
    }
    if named.ids.is_empty() {
        place = named.season.zip(named.numbers.first().copied());
    }
    candidates(find_shows(&named.show)?, |found| {
        let mut named = named.clone();
        named.show = full_show(found)?;
        if found.confidence >= MIN_CONFIDENCE
            && let Some((season, number)) = place.take()
            && let Some(known) =
                api::get(&format!("/3/tv/{}/season/{season}/episode/{number}/external_ids", found.id))?
        {
            named.ids = read_ids(&known);
        }
        Ok(Item { kind: ItemKind::Episode(named), ..item.clone() })
    })
}

/// Fills in the ids of those that may be it. The others follow where a person may choose: of movies and shows, as the search gave them.
fn candidates(
    found: Vec<Found>,
    mut fill: impl FnMut(&Found) -> Result<Item, Failure>,
) -> Result<Vec<Candidate>, Failure> {
    let (likely, others): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|found| found.confidence >= MIN_CONFIDENCE);
    let mut filled = Vec::new();
    for found in likely.into_iter().take(2).chain(others) {
        let mut item = fill(&found)?;
        if matches!(item.kind, ItemKind::Movie(_) | ItemKind::Show(_)) {
            let genre = |value: &String| Field { name: "genre".to_owned(), value: value.clone() };
            item.ext.extend(found.genres.iter().map(genre));
        }
        if found.confidence >= MIN_CONFIDENCE || matches!(item.kind, ItemKind::Movie(_) | ItemKind::Show(_)) {
            filled.push(Candidate { item, confidence: found.confidence });
        }
    }
    Ok(filled)
}

fn full_show(found: &Found) -> Result<Show, Failure> {
    Ok(Show {
        ids: all_ids("tv", found)?,
        title: found.title.clone(),
        original_title: found.original_title.clone(),
        year: found.year,
    })
}

fn all_ids(kind: &str, found: &Found) -> Result<Vec<ExternalId>, Failure> {
    // What the host does not take by itself is not worth a request.
    if found.confidence < MIN_CONFIDENCE {
        return Ok(vec![ExternalId { namespace: "tmdb".to_owned(), value: found.id.to_string() }]);
    }
    let known = api::get(&format!("/3/{kind}/{}/external_ids", found.id))?.unwrap_or_default();
    let mut all = read_ids(&known);
    if ids::find(&all, "tmdb").is_none() {
        all.push(ExternalId { namespace: "tmdb".to_owned(), value: found.id.to_string() });
    }
    Ok(all)
}

/// The ids of an answer of `external_ids`.
pub fn read_ids(known: &Value) -> Vec<ExternalId> {
    let id = |namespace: &str, key: &str| text(&known[key]).and_then(|id| ids::external(namespace, &id));
    [id("tmdb", "id"), id("imdb", "imdb_id"), id("tvdb", "tvdb_id")].into_iter().flatten().collect()
}

/// TMDb's id of a movie, where there is no doubt.
pub fn movie_id(movie: &Movie) -> Result<Option<u64>, Failure> {
    Ok(is_unambiguous(&find_movies(movie)?))
}

/// TMDb's id of a show, where there is no doubt.
pub fn show_id(show: &Show) -> Result<Option<u64>, Failure> {
    if let Some(id) = ids::find(&show.ids, "tmdb").and_then(|id| id.parse().ok()) {
        return Ok(Some(id));
    }
    Ok(is_unambiguous(&find_shows(show)?))
}

fn is_unambiguous(found: &[Found]) -> Option<u64> {
    match found {
        [only] if only.confidence >= MIN_CONFIDENCE => Some(only.id),
        [first, second, ..] if first.confidence >= MIN_CONFIDENCE && second.confidence < MIN_CONFIDENCE => {
            Some(first.id)
        }
        _ => None,
    }
}

fn find_movies(movie: &Movie) -> Result<Vec<Found>, Failure> {
    let known = ids::find(&movie.ids, "tmdb").map(|id| format!("/3/movie/{id}"));
    let year = movie.year.map(|year| format!("&year={year}")).unwrap_or_default();
    let search = format!("/3/search/movie?query={}{year}", api::query(&movie.title));
    fetch_details(known, &movie.ids, "movie_results", &movie.title, movie.year, search)
}

fn find_shows(show: &Show) -> Result<Vec<Found>, Failure> {
    let known = ids::find(&show.ids, "tmdb").map(|id| format!("/3/tv/{id}"));
    let year = show.year.map(|year| format!("&first_air_date_year={year}")).unwrap_or_default();
    let search = format!("/3/search/tv?query={}{year}", api::query(&show.title));
    fetch_details(known, &show.ids, "tv_results", &show.title, show.year, search)
}

fn fetch_details(
    known: Option<String>,
    ids: &[ExternalId],
    list: &str,
    title: &str,
    year: Option<u16>,
    search: String,
) -> Result<Vec<Found>, Failure> {
    if let Some(path) = known
        && let Some(found) = api::get(&path)?
    {
        return Ok(read(&found, 1.0).into_iter().collect());
    }
    if let Some(found) = by_ids(ids, list)? {
        return Ok(read(&found, 1.0).into_iter().collect());
    }
    if title.is_empty() {
        return Ok(Vec::new());
    }
    let answer = api::get(&search)?.unwrap_or_default();
    let rows = answer["results"].as_array().into_iter().flatten().take(MAX_DETAILS);
    let mut found: Vec<Found> = rows.filter_map(|row| read(row, 0.0)).collect();
    for candidate in &mut found {
        candidate.confidence = confidence(title, year, candidate);
    }
    found.sort_by(|one, other| other.confidence.total_cmp(&one.confidence));
    Ok(found)
}

/// The titles with an id of another catalogue.
fn by_ids(known: &[ExternalId], list: &str) -> Result<Option<Value>, Failure> {
    for (namespace, source) in FINDABLE {
        let Some(id) = ids::find(known, namespace) else { continue };
        let answer = api::get(&format!("/3/find/{id}?external_source={source}"))?.unwrap_or_default();
        if let Some([only]) = answer[list].as_array().map(Vec::as_slice) {
            return Ok(Some(only.clone()));
        }
    }
    Ok(None)
}

fn read(row: &Value, confidence: f64) -> Option<Found> {
    let date = text(&row["release_date"]).or_else(|| text(&row["first_air_date"]));
    Some(Found {
        id: row["id"].as_u64()?,
        title: text(&row["title"]).or_else(|| text(&row["name"]))?,
        original_title: text(&row["original_title"]).or_else(|| text(&row["original_name"])),
        year: date.and_then(|date| date.get(..4)?.parse().ok()),
        genres: row["genres"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|genre| text(&genre["name"]))
            .collect(),
        confidence,
    })
}

/// A title that is the same with the same year is it; without a year, or a year beside it, it may be; else it is not.
fn confidence(title: &str, year: Option<u16>, found: &Found) -> f64 {
    let same_title = [Some(&found.title), found.original_title.as_ref()]
        .into_iter()
        .flatten()
        .any(|found| normalized(found) == normalized(title));
    if !same_title {
        return 0.2;
    }
    match (year, found.year) {
        (Some(year), Some(found)) if year == found => 0.95,
        (Some(year), Some(found)) if year.abs_diff(found) == 1 => 0.85,
        (Some(_), Some(_)) => 0.3,
        _ => 0.8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_and_years_decide() {
        let found = Found {
            id: 1,
            title: "Mirror".to_owned(),
            original_title: Some("Зеркало".to_owned()),
            year: Some(1975),
            genres: Vec::new(),
            confidence: 0.0,
        };
        for (title, year, expected) in [
            ("mirror!", Some(1975), 0.95),
            ("Зеркало", Some(1974), 0.85),
            ("Mirror", None, 0.8),
            ("Mirror", Some(2005), 0.3),
            ("Mirrors", Some(1975), 0.2),
        ] {
            assert!((confidence(title, year, &found) - expected).abs() < f64::EPSILON, "{title} {year:?}");
        }
    }
}
