//! Whether what a tracker matched is what was sent to it.
//!
//! Catalogues differ in titles: in languages, dashes and articles. So a title that differs alone says little where an id agrees, and
//! says enough where only the title was sent.

use serde_json::Value;

use crate::host::types::{Episode, ExternalId, Item, ItemKind, Movie, Show};
use crate::{ids, titles};

/// Years that differ by this much are the same: a film has several premieres, and a show a pilot.
const YEARS_APART: u64 = 1;
/// The namespaces in which trackers tell what they matched.
const NAMESPACES: [&str; 9] = ["imdb", "tmdb", "tvdb", "trakt", "simkl", "mal", "anidb", "anilist", "kitsu"];
/// The kinds under which answers have a title.
const TITLES: [&str; 3] = ["movie", "show", "anime"];

/// An item in words, with what tells it from others.
pub fn name(item: &Item) -> String {
    let year = |year: Option<u16>| year.map(|year| format!(" ({year})")).unwrap_or_default();
    let quoted = |title: &str| match title {
        "" => "a title that is not known".to_owned(),
        title => format!("\u{201c}{title}\u{201d}"),
    };
    let of_show = |show: &Show| quoted(&show.title) + &year(show.year);
    match &item.kind {
        ItemKind::Movie(movie) => quoted(&movie.title) + &year(movie.year),
        ItemKind::Show(show) => of_show(show),
        ItemKind::Season(season) => format!("{} season {}", of_show(&season.show), season.number),
        ItemKind::Episode(episode) => {
            let season = episode.season.map(|season| format!("{season}x")).unwrap_or_default();
            let number = episode.numbers.first().map(|number| format!(" {season}{number}"));
            of_show(&episode.show) + &number.unwrap_or_default()
        }
    }
}

/// The title that an answer names, and its year.
pub fn title_of(answer: &Value) -> Option<(&str, &Value)> {
    let kinds = TITLES.into_iter().map(|kind| &answer[kind]);
    kinds.filter_map(|named| Some((named["title"].as_str()?, &named["year"]))).next()
}

/// Why what a tracker matched is something else than what was sent; absent where it may be the same.
pub fn mismatch(item: &Item, answer: &Value) -> Option<String> {
    match &item.kind {
        ItemKind::Movie(movie) => other_title(&Sent::movie(movie), &answer["movie"]),
        ItemKind::Show(show) => other_title(&Sent::show(show), show_in(answer)),
        ItemKind::Season(season) => other_title(&Sent::show(&season.show), show_in(answer)),
        ItemKind::Episode(episode) => other_episode(episode, answer),
    }
}

fn show_in(answer: &Value) -> &Value {
    if answer["show"].is_object() { &answer["show"] } else { &answer["anime"] }
}

/// The movie or show that was sent.
struct Sent<'a> {
    title: &'a str,
    original: Option<&'a str>,
    year: Option<u16>,
    ids: &'a [ExternalId],
}

impl<'a> Sent<'a> {
    fn movie(movie: &'a Movie) -> Self {
        Self {
            title: &movie.title,
            original: movie.original_title.as_deref(),
            year: movie.year,
            ids: &movie.ids,
        }
    }

    fn show(show: &'a Show) -> Self {
        Self { title: &show.title, original: show.original_title.as_deref(), year: show.year, ids: &show.ids }
    }

    /// Whether the title is what was found, as far as both are known.
    fn has_title(&self, found: &Value) -> Option<bool> {
        let found = found["title"].as_str().filter(|found| !found.is_empty())?;
        let is_it = |title: &str| fold(title) == fold(found);
        (!self.title.is_empty()).then(|| is_it(self.title) || self.original.is_some_and(is_it))
    }

    /// The same of the year.
    fn has_year(&self, found: &Value) -> Option<bool> {
        let (sent, found) = (u64::from(self.year?), found["year"].as_u64()?);
        Some(sent.abs_diff(found) <= YEARS_APART)
    }

    /// The same of the ids: one that both have decides, and one of several that agrees is enough.
    fn has_id(&self, found: &Value) -> Option<bool> {
        agreement(self.ids, &found["ids"])
    }
}

/// Whether ids agree with those of an answer, which writes numbers as text or text as numbers.
fn agreement(ours: &[ExternalId], theirs: &Value) -> Option<bool> {
    let is_known = |id: &&ExternalId| {
        NAMESPACES.contains(&id.namespace.as_str()) && !theirs[id.namespace.as_str()].is_null()
    };
    let comparable: Vec<ExternalId> = ours.iter().filter(is_known).cloned().collect();
    (!comparable.is_empty()).then(|| ids::share(&comparable, &NAMESPACES, theirs))
}

fn other_title(sent: &Sent<'_>, found: &Value) -> Option<String> {
    let (title, year, id) = (sent.has_title(found), sent.has_year(found), sent.has_id(found));
    let differs = |what: &str| Some(format!("the {what} differs"));
    match (id, title, year) {
        // Two of three signs speak against an id that agrees: whoever set the id has named something else.
        (Some(true), Some(false), Some(false)) => differs("title, and the year,"),
        (Some(true), _, _) => None,
        // Catalogues merge entries, and give the id of the one that stayed.
        (Some(false), Some(true), Some(true)) => None,
        (Some(false), _, _) => differs("id"),
        (None, _, Some(false)) => differs("year"),
        // Titles are translated: where ids were sent, it is by them that the tracker has found it.
        (None, Some(false), _) if sent.ids.is_empty() => differs("title"),
        (None, _, _) => None,
    }
}

fn other_episode(episode: &Episode, answer: &Value) -> Option<String> {
    let show = show_in(answer);
    // One lone id of TMDb is often that of the show, put there by whoever named the files.
    let is_certain = !is_doubtful(&episode.ids);
    let by_own_id = is_certain && agreement(&episode.ids, &answer["episode"]["ids"]) == Some(true);
    let sent = Sent::show(&episode.show);
    if !by_own_id && let Some(number) = wrong_number(episode, &answer["episode"]) {
        return Some(format!("the number differs, {number}"));
    }
    let id_agrees = sent.has_id(show) == Some(true);
    let starts_later = episode.year.zip(show["year"].as_u64());
    let starts_later = starts_later.is_some_and(|(episode, show)| show > u64::from(episode) + YEARS_APART);
    if starts_later && !id_agrees && !by_own_id {
        return Some(format!(
            "the episode is of {}, before that show began",
            episode.year.unwrap_or_default()
        ));
    }
    if by_own_id && sent.has_id(show).is_none() {
        // The show goes by another name or year elsewhere; the episode is the one that was sent.
        let both_differ = sent.has_title(show) == Some(false) && sent.has_year(show) == Some(false);
        return both_differ.then(|| "the title of the show, and its year, differ".to_owned());
    }
    // Without ids of the show, its title is what was sent; an id of the episode finds it by another title as well.
    if sent.ids.is_empty() && is_certain && !episode.ids.is_empty() && sent.has_year(show) != Some(false) {
        return None;
    }
    other_title(&sent, show)
}

/// Whether ids of an episode may be its show's: a lone one of TMDb often is.
pub fn is_doubtful(ids: &[ExternalId]) -> bool {
    matches!(ids, [only] if only.namespace == "tmdb")
}

/// Where the tracker has matched something of another name or number than what was sent, in words: a remark, no refusal.
pub fn difference(item: &Item, answer: &Value) -> Option<String> {
    let differs = |sent: &str, found: &str| !sent.is_empty() && fold(sent) != fold(found);
    let named = |sent: &str, original: Option<&String>, found: &str| {
        let original_differs = original.is_none_or(|original| differs(original, found));
        (differs(sent, found) && original_differs).then(|| format!("sent \u{201c}{sent}\u{201d}"))
    };
    let found = title_of(answer).map(|(title, _)| title);
    match &item.kind {
        ItemKind::Movie(movie) => named(&movie.title, movie.original_title.as_ref(), found?),
        ItemKind::Episode(episode) => wrong_number(episode, &answer["episode"])
            .or_else(|| named(&episode.show.title, episode.show.original_title.as_ref(), found?)),
        ItemKind::Show(show) => named(&show.title, show.original_title.as_ref(), found?),
        ItemKind::Season(_) => None,
    }
}

/// Anime has numbers of its own beside those of its seasons on television: either will do.
fn wrong_number(episode: &Episode, found: &Value) -> Option<String> {
    let (season, number) = (episode.season?, *episode.numbers.first()?);
    let is = |season_key: &str, number_key: &str| {
        let season_is = found[season_key].is_null() || found[season_key].as_u64() == Some(season.into());
        season_is && found[number_key].as_u64() == Some(number.into())
    };
    if found["number"].is_null() || is("season", "number") || is("tvdb_season", "tvdb_number") {
        return None;
    }
    Some(format!("sent {season}x{number}"))
}

/// The letters of a title without the word “the” in front, in which catalogues differ too.
fn fold(title: &str) -> String {
    let letters = titles::normalized(title);
    letters.strip_prefix("the").map(str::to_owned).unwrap_or(letters)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn id(namespace: &str, value: &str) -> ExternalId {
        ExternalId { namespace: namespace.to_owned(), value: value.to_owned() }
    }

    fn movie(title: &str) -> Item {
        let title = title.to_owned();
        titles::item_without_server(ItemKind::Movie(Movie {
            title,
            original_title: Some("Zerkalo".to_owned()),
            year: None,
            ids: Vec::new(),
        }))
    }

    fn episode(season: u32, number: u32) -> Item {
        let show = Show { title: "The Office".to_owned(), original_title: None, year: None, ids: Vec::new() };
        titles::item_without_server(ItemKind::Episode(Episode {
            show,
            season: Some(season),
            numbers: vec![number],
            absolute_number: None,
            title: None,
            year: None,
            ids: Vec::new(),
        }))
    }

    #[test]
    fn what_was_matched_is_held_against_what_was_sent() {
        let found = |season: u32, number: u32| json!({ "show": { "title": "Office" }, "episode": { "season": season, "number": number } });
        let anime = json!({ "anime": { "title": "The Office" },
            "episode": { "season": 1, "number": 4, "tvdb_season": 2, "tvdb_number": 4 } });
        for (item, answer, expected) in [
            (movie("Mirror"), json!({ "movie": { "title": "mirror!" } }), None),
            (movie("The Mirror"), json!({ "movie": { "title": "Zerkalo" } }), None),
            (
                movie("Mirror"),
                json!({ "movie": { "title": "Mirrors" } }),
                Some("sent \u{201c}Mirror\u{201d}"),
            ),
            (movie("Mirror"), json!({}), None),
            (episode(2, 4), found(2, 4), None),
            (episode(2, 4), found(1, 4), Some("sent 2x4")),
            (episode(2, 4), anime, None),
        ] {
            assert_eq!(difference(&item, &answer).as_deref(), expected, "{answer}");
        }
    }

    #[test]
    fn another_film_is_another_one() {
        let solaris = |ids: Vec<ExternalId>| {
            titles::item_without_server(ItemKind::Movie(Movie {
                title: "Solaris".to_owned(),
                original_title: None,
                year: Some(1972),
                ids,
            }))
        };
        let bare = || solaris(Vec::new());
        let known = || solaris(vec![id("imdb", "tt0069293"), id("tmdb", "593")]);
        let found = |title: &str, year: u64, ids: Value| json!({ "movie": { "title": title, "year": year, "ids": ids } });
        for (item, answer, is_other) in [
            (bare(), found("Solaris", 1972, json!({})), false),
            (bare(), found("Solaris", 1973, json!({})), false),
            (bare(), found("Solaris", 2002, json!({})), true),
            (bare(), found("Solyaris", 1972, json!({})), true),
            (known(), found("Solyaris", 1972, json!({ "tmdb": 593 })), false),
            (known(), found("Solyaris", 1972, json!({})), false),
            (known(), found("Solaris", 2002, json!({ "tmdb": "593" })), false),
            (known(), found("Cats", 2019, json!({ "imdb": "tt0069293" })), true),
            (known(), found("Cats", 2019, json!({ "imdb": "tt5697572" })), true),
            (known(), found("Solaris", 1972, json!({ "imdb": "tt9999999" })), false),
            (known(), found("Solaris", 1972, json!({ "imdb": "tt9999999", "tmdb": 593 })), false),
            (known(), json!({}), false),
        ] {
            assert_eq!(mismatch(&item, &answer).is_some(), is_other, "{answer}");
        }
    }

    #[test]
    fn another_episode_is_another_one() {
        let sent = |own: &[ExternalId], of_show: &[ExternalId], year: Option<u16>| {
            titles::item_without_server(ItemKind::Episode(Episode {
                show: Show {
                    title: "Doctor When".to_owned(),
                    original_title: None,
                    year,
                    ids: of_show.to_vec(),
                },
                season: Some(10),
                numbers: vec![1],
                absolute_number: None,
                title: None,
                year: Some(1972),
                ids: own.to_vec(),
            }))
        };
        let answer = |title: &str, year: u64, show_ids: Value, number: u64, ids: Value| {
            json!({ "show": { "title": title, "year": year, "ids": show_ids },
                "episode": { "season": 10, "number": number, "ids": ids } })
        };
        let (tvdb, tmdb) = (id("tvdb", "1"), id("tmdb", "7"));
        for (item, answer, is_other) in [
            (sent(&[], &[], Some(1963)), answer("Doctor When", 1963, json!({}), 1, json!({})), false),
            (sent(&[], &[], None), answer("Doctor When", 2005, json!({}), 1, json!({})), true),
            (sent(&[], &[], Some(1963)), answer("Doctor When", 2005, json!({}), 1, json!({})), true),
            (
                sent(&[], std::slice::from_ref(&tvdb), None),
                answer("When", 1963, json!({ "tvdb": 1 }), 1, json!({})),
                false,
            ),
            (
                sent(&[], std::slice::from_ref(&tvdb), None),
                answer("When", 1963, json!({ "tvdb": 2 }), 1, json!({})),
                true,
            ),
            (
                sent(&[], std::slice::from_ref(&tvdb), None),
                answer("When", 1963, json!({ "tvdb": 1 }), 2, json!({})),
                true,
            ),
            // Numbers of television and of discs differ: an id of the episode itself says more.
            (
                sent(std::slice::from_ref(&tvdb), &[], None),
                answer("Dr. Wann", 1963, json!({}), 2, json!({ "tvdb": 1 })),
                false,
            ),
            // One that may be the show's says nothing.
            (
                sent(std::slice::from_ref(&tmdb), &[], None),
                answer("Bat Brigade", 1966, json!({}), 32, json!({ "tmdb": 7 })),
                true,
            ),
            (
                sent(std::slice::from_ref(&tmdb), &[], None),
                answer("Bat Brigade", 1966, json!({}), 1, json!({ "tmdb": 7 })),
                true,
            ),
            (sent(&[], &[], None), json!({}), false),
        ] {
            assert_eq!(mismatch(&item, &answer).is_some(), is_other, "{answer}");
        }
    }
}
