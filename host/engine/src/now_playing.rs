//! Current playback for other programs, in the form that CrossWatch gave to `currently_watching.json` (version 2).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::model::{Ids, Item, ItemKind, PlaybackState};
use crate::play::Play;

/// All streams, by their keys.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CurrentlyWatching {
    /// The version of the form.
    pub v: u8,
    /// `plugin:source:session`
    pub streams: BTreeMap<String, Stream>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stream {
    /// The id of the source's plugin.
    pub source: String,
    /// The source's name in the configuration.
    pub provider_instance: String,
    /// `movie` or `episode`.
    pub media_type: &'static str,
    /// Of the movie, or of the show.
    pub title: String,
    /// Of the movie, or of the show.
    pub year: Option<u16>,
    /// The season of an episode; absent for a movie.
    pub season: Option<u32>,
    /// Of an episode; the first where a file holds several.
    pub episode: Option<u32>,
    /// Whole percent.
    pub progress: u8,
    /// The runtime.
    pub duration_ms: Option<u32>,
    /// The address of a poster.
    pub cover: Option<String>,
    /// `playing` or `paused`.
    pub state: &'static str,
    /// When it was last heard of. Seconds since 1970.
    pub updated: i64,
    /// When it began. Seconds since 1970.
    pub started: i64,
    /// By namespace, those of the show with `_show` behind it. Text, but for the namespaces that the plugin says are numbers.
    pub ids: Map<String, Value>,
    /// The user's name.
    pub account: Option<String>,
    /// The server's id.
    pub server_uuid: String,
    /// The server's key of the session, or the player's where it has none.
    pub session_key: Option<String>,
}

/// The facts of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceInfo {
    /// The id of its plugin.
    pub plugin: String,
    /// Namespaces whose ids other programs expect as numbers.
    pub numeric_ids: Vec<String>,
}

/// The streams of open plays.
pub fn watching<'a>(
    plays: impl Iterator<Item = &'a Play>,
    sources: &BTreeMap<String, SourceInfo>,
) -> CurrentlyWatching {
    let mut plays: Vec<&Play> = plays.filter(|play| play.is_open()).collect();
    plays.sort_by_key(|play| (play.last_seen_at, &play.id));
    let mut streams = BTreeMap::new();
    for play in plays {
        let Some(instance) = play.origin.sources.first() else { continue };
        let unknown = SourceInfo::default();
        let facts = sources.get(instance).unwrap_or(&unknown);
        let source = &facts.plugin;
        let session_key = play.session.clone().or_else(|| play.player.id.clone());
        let mut key = format!("{source}:{instance}:{}", session_key.as_deref().unwrap_or(&play.id.0));
        if streams.contains_key(&key) {
            key = format!("{key}:{}", play.viewer.user);
        }
        streams.insert(key, stream(play, facts, instance.clone(), session_key));
    }
    CurrentlyWatching { v: 2, streams }
}

fn stream(play: &Play, facts: &SourceInfo, provider_instance: String, session_key: Option<String>) -> Stream {
    let item = ExternalNames::of(&play.item, &facts.numeric_ids);
    Stream {
        source: facts.plugin.clone(),
        provider_instance,
        media_type: item.media_type,
        title: item.title,
        year: item.year,
        season: item.season,
        episode: item.episode,
        // A percentage is from 0 to 100; its fraction is cut off.
        progress: play.progress().unwrap_or(0.0) as u8,
        duration_ms: play.item.runtime_ms,
        cover: None,
        state: if play.state == PlaybackState::Paused { "paused" } else { "playing" },
        updated: seconds(play.last_seen_at),
        started: seconds(play.started_at),
        ids: item.ids,
        account: play.user.name.clone(),
        server_uuid: play.viewer.server.clone(),
        session_key,
    }
}

fn seconds(at: Timestamp) -> i64 {
    at.as_second()
}

struct ExternalNames {
    media_type: &'static str,
    title: String,
    year: Option<u16>,
    season: Option<u32>,
    episode: Option<u32>,
    ids: Map<String, Value>,
}

impl ExternalNames {
    fn of(item: &Item, numeric: &[String]) -> Self {
        let mut ids = Map::new();
        match &item.kind {
            ItemKind::Movie(movie) => {
                set_field(&mut ids, &movie.ids, "", numeric);
                let (title, year) = (movie.title.clone(), movie.year);
                Self { media_type: "movie", title, year, season: None, episode: None, ids }
            }
            ItemKind::Episode(episode) => {
                set_field(&mut ids, &episode.ids, "", numeric);
                set_field(&mut ids, &episode.show.ids, "_show", numeric);
                let (season, number) = (episode.season, episode.numbers.first().copied());
                let (title, year) = (episode.show.title.clone(), episode.show.year);
                Self { media_type: "episode", title, year, season, episode: number, ids }
            }
            // Nobody plays these; a play of one would still have a name.
            ItemKind::Season(_) | ItemKind::Show(_) => Self {
                media_type: "episode",
                title: item.to_string(),
                year: None,
                season: None,
                episode: None,
                ids,
            },
        }
    }
}

fn set_field<Kind>(into: &mut Map<String, Value>, ids: &Ids<Kind>, suffix: &str, numeric: &[String]) {
    for (namespace, value) in ids.iter() {
        let is_numeric = numeric.iter().any(|numeric| numeric == namespace);
        let number = value.parse::<u64>().ok().filter(|_| is_numeric);
        into.insert(format!("{namespace}{suffix}"), number.map_or_else(|| value.into(), Value::from));
    }
}
