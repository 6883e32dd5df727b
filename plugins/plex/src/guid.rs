//! The forms of a Plex guid.
//!
//! `Guid[]` has the ids of the item itself. Older agents put one id into `guid`, that of the movie or the *show*, with
//! season and episode behind it: `com.plexapp.agents.thetvdb://81189/1/1?lang=en`.

use playrelay_sdk::host::types::ExternalId;
use playrelay_sdk::ids::external;
use serde_json::Value;

/// The facts in a guid of an agent.
#[derive(Debug, Default, PartialEq)]
pub struct Guid {
    /// Of what `of` says.
    pub id: Option<ExternalId>,
    /// The kind of thing that the id names.
    pub of: Of,
    /// The season.
    pub season: Option<u32>,
    /// The episode.
    pub episode: Option<u32>,
}

/// The kind of thing that an id names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Of {
    /// A movie or a show: older agents put the show's id into the guids of its episodes.
    #[default]
    Title,
    /// The item itself, whatever it is.
    Itself,
}

impl Guid {
    /// The id, where it is of the movie or show.
    pub fn of_title(self) -> Option<ExternalId> {
        self.id.filter(|_| self.of == Of::Title)
    }

    /// The id, where it is of the item that has the guid.
    pub fn of_itself(self) -> Option<ExternalId> {
        self.id.filter(|_| self.of == Of::Itself)
    }
}

/// The ids in a `Guid` array, or in a `guid` that some proxy has made an array of.
pub fn list(metadata: &Value) -> Vec<ExternalId> {
    let entries = [&metadata["Guid"], &metadata["guid"]].into_iter().filter_map(Value::as_array).flatten();
    let mut ids: Vec<ExternalId> = Vec::new();
    for entry in entries {
        let Some((namespace, value)) =
            entry["id"].as_str().or(entry.as_str()).and_then(|id| id.split_once("://"))
        else {
            continue;
        };
        if let Some(id) = external(namespace, value)
            && !ids.contains(&id)
        {
            ids.push(id);
        }
    }
    ids
}

/// Reads a guid of an agent. One without external ids (`plex://…`, `local://…`, `…none://…`) gives only its numbers.
pub fn read(guid: &str, is_movie: bool) -> Guid {
    let Some((agent, rest)) = guid.split_once("://") else { return Guid::default() };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    if agent.starts_with("tv.plex.agents.") {
        return Guid { id: typed(rest), of: Of::Itself, ..Guid::default() };
    }
    let mut parts = rest.split('/');
    let first = parts.next().unwrap_or_default();
    let mut number = || parts.next().and_then(|part| part.parse().ok());
    let (season, episode) = (number(), number());
    let agent = agent.rsplit('.').next().unwrap_or(agent);
    let by_form = |number: &str| external("imdb", first).or_else(|| external(number, first));
    let id = match agent {
        "imdb" => external("imdb", first),
        "themoviedb" => external("tmdb", first),
        "thetvdb" => external("tvdb", first),
        "myanimelist" => external("mal", first),
        "hama" => hama(first),
        "xbmcnfo" if is_movie => by_form("tmdb"),
        "xbmcnfo" | "xbmcnfotv" => by_form("tvdb"),
        _ => None,
    };
    let numbered = !is_movie && agent != "plex";
    Guid { id, of: Of::Title, season: season.filter(|_| numbered), episode: episode.filter(|_| numbered) }
}

/// What today's agents write, Plex's own for NFO files and those of others: the type, and the id with its namespace in front:
/// `movie/tmdb_593`, `episode/tvdb_349232`, `movie/tmdb-movie-105`. The id is that of the item. A number without a namespace is none.
fn typed(rest: &str) -> Option<ExternalId> {
    let (_, value) = rest.split_once('/')?;
    let value = value.split('/').next()?;
    let (namespace, value) = value.split_once(['_', '-'])?;
    let namespace = match namespace.to_ascii_lowercase().as_str() {
        "themoviedb" => "tmdb".to_owned(),
        "thetvdb" => "tvdb".to_owned(),
        namespace => namespace.to_owned(),
    };
    // The type may stand there once more.
    external(&namespace, value.rsplit(['_', '-']).next()?)
}

/// `anidb-17290`, `tvdb-81797`, `tvdb4-…` (a numbering scheme of its own over the same show).
fn hama(first: &str) -> Option<ExternalId> {
    let (scheme, value) = first.split_once('-')?;
    let namespace = scheme.trim_end_matches(|letter: char| letter.is_ascii_digit());
    match namespace {
        "anidb" | "tvdb" | "imdb" => external(namespace, value),
        "tmdb" | "tsdb" => external("tmdb", value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(guid: &str, is_movie: bool) -> (Option<String>, Option<u32>, Option<u32>) {
        let Guid { id, season, episode, .. } = super::read(guid, is_movie);
        (id.map(|id| format!("{}:{}", id.namespace, id.value)), season, episode)
    }

    #[test]
    fn the_id_of_a_typed_guid_is_the_items_own() {
        let of = |guid: &str| super::read(guid, false).of;
        assert_eq!(of("tv.plex.agents.nfo.series://episode/tvdb_349232"), Of::Itself);
        assert_eq!(of("com.plexapp.agents.thetvdb://81189/1/1"), Of::Title);
    }

    #[test]
    fn every_agent_is_read() {
        let episode = |id: &str, season, episode| (Some(id.to_owned()), Some(season), Some(episode));
        for (guid, expected) in [
            ("com.plexapp.agents.thetvdb://81189/1/1?lang=en", episode("tvdb:81189", 1, 1)),
            ("com.plexapp.agents.themoviedb://1396/5/14?lang=en", episode("tmdb:1396", 5, 14)),
            ("com.plexapp.agents.imdb://tt0903747/1/2", episode("imdb:tt0903747", 1, 2)),
            ("com.plexapp.agents.hama://anidb-17290/1/9?lang=en", episode("anidb:17290", 1, 9)),
            ("com.plexapp.agents.hama://tvdb4-81797/0/38", episode("tvdb:81797", 0, 38)),
            ("net.fribbtastic.coding.plex.myanimelist://47160/2/2", episode("mal:47160", 2, 2)),
            ("com.plexapp.agents.xbmcnfotv://81189/1/1", episode("tvdb:81189", 1, 1)),
            ("tv.plex.agents.nfo.series://episode/tvdb_349232", (Some("tvdb:349232".to_owned()), None, None)),
            (
                "tv.plex.agents.nfo.series://show/imdb_tt0903747",
                (Some("imdb:tt0903747".to_owned()), None, None),
            ),
            ("tv.plex.agents.nfo.series://season/tvdb_30272", (Some("tvdb:30272".to_owned()), None, None)),
            ("tv.plex.agents.nfo.series://episode/349232", (None, None, None)),
            ("tv.plex.agents.nfo.series://tt0903747/1/1", (None, None, None)),
            (
                "tv.plex.agents.custom.example://episode/tmdb-episode-62085",
                (Some("tmdb:62085".to_owned()), None, None),
            ),
            ("com.plexapp.agents.none://569747/2026/41103?lang=xn", (None, Some(2026), Some(41103))),
            ("com.plexapp.agents.hama://youtube-abc/1/2", (None, Some(1), Some(2))),
            ("plex://episode/5d9c1278e264b7001fcaab4c", (None, None, None)),
            ("local://12/3/4", (None, Some(3), Some(4))),
            ("", (None, None, None)),
        ] {
            assert_eq!(read(guid, false), expected, "{guid}");
        }
        let movie = |id: &str| (Some(id.to_owned()), None, None);
        for (guid, expected) in [
            ("com.plexapp.agents.imdb://tt0072684?lang=en", movie("imdb:tt0072684")),
            ("com.plexapp.agents.themoviedb://603", movie("tmdb:603")),
            ("com.plexapp.agents.xbmcnfo://tt0072684", movie("imdb:tt0072684")),
            ("com.plexapp.agents.xbmcnfo://603", movie("tmdb:603")),
            ("tv.plex.agents.nfo.movie://movie/tmdb_593", movie("tmdb:593")),
            ("tv.plex.agents.nfo.movie://movie/imdb_tt0069293", movie("imdb:tt0069293")),
            ("tv.plex.agents.nfo.movie://movie/858024", (None, None, None)),
            ("tv.plex.agents.nfo.movie://603", (None, None, None)),
            ("tv.plex.agents.custom.example://movie/tmdb-movie-105", movie("tmdb:105")),
            ("plex://movie/5d776b95fb0d55001f56c2c7", (None, None, None)),
        ] {
            assert_eq!(read(guid, true), expected, "{guid}");
        }
    }
}
