//! The forms of a Plex guid.
//!
//! `Guid[]` has the ids of the item itself. Older agents put one id into `guid`, that of the movie or the *show*, with
//! season and episode behind it: `com.plexapp.agents.thetvdb://81189/1/1?lang=en`.

use playrelay_sdk::host::types::ExternalId;
use playrelay_sdk::ids::external;
use serde_json::Value;

/// What a legacy guid tells.
#[derive(Debug, Default, PartialEq)]
pub struct Legacy {
    /// Of the movie, or of the show where there are numbers or the item is an episode.
    pub id: Option<ExternalId>,
    /// The season.
    pub season: Option<u32>,
    /// The episode.
    pub episode: Option<u32>,
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
pub fn legacy(guid: &str, is_movie: bool) -> Legacy {
    let Some((agent, rest)) = guid.split_once("://") else { return Legacy::default() };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
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
        "movie" if guid.starts_with("tv.plex.agents.nfo.") => by_form("tmdb"),
        "series" if guid.starts_with("tv.plex.agents.nfo.") => by_form("tvdb"),
        _ => None,
    };
    let numbered = !is_movie && agent != "plex";
    Legacy { id, season: season.filter(|_| numbered), episode: episode.filter(|_| numbered) }
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
        let Legacy { id, season, episode } = legacy(guid, is_movie);
        (id.map(|id| format!("{}:{}", id.namespace, id.value)), season, episode)
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
            ("tv.plex.agents.nfo.series://tt0903747/1/1", episode("imdb:tt0903747", 1, 1)),
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
            ("tv.plex.agents.nfo.movie://603", movie("tmdb:603")),
            ("plex://movie/5d776b95fb0d55001f56c2c7", (None, None, None)),
        ] {
            assert_eq!(read(guid, true), expected, "{guid}");
        }
    }
}
