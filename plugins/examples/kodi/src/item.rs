//! Films and episodes, as Kodi describes them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::contract::playrelay::plugin::types::{Episode, ExternalId, Item, ItemKind, Movie, Show};

/// The catalogues whose ids are taken over. Scrapers write others too.
const NAMESPACES: [&str; 3] = ["imdb", "tmdb", "tvdb"];

/// What a player plays: the answer of `Player.GetItem`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct PlayingItem {
    /// `movie`, `episode`, `song`, `channel`, `unknown`…
    pub r#type: String,
    /// The id in the library; absent outside of it.
    pub id: Option<u64>,
    pub title: String,
    pub originaltitle: String,
    pub year: i64,
    pub showtitle: String,
    /// -1 outside of a show.
    pub season: i64,
    pub episode: i64,
    /// -1 outside of a show.
    pub tvshowid: i64,
    /// By catalogue. A show's ids have the name `tvshow.tmdb` with some scrapers.
    pub uniqueid: BTreeMap<String, Value>,
    pub file: String,
    /// Seconds; 0 where Kodi does not know.
    pub runtime: u64,
}

/// The show of an episode: the answer of `VideoLibrary.GetTVShowDetails`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct ShowDetails {
    pub tvshowid: i64,
    pub year: i64,
    pub originaltitle: String,
    pub uniqueid: BTreeMap<String, Value>,
}

impl PlayingItem {
    /// The item as the contract has it; absent for what is neither a film nor an episode.
    pub fn to_item(&self, show: Option<&ShowDetails>, total_ms: Option<u32>) -> Option<Item> {
        let kind = match self.r#type.as_str() {
            "movie" => ItemKind::Movie(Movie {
                title: text(&self.title)?,
                original_title: text(&self.originaltitle).filter(|title| *title != self.title),
                year: year(self.year),
                ids: ids(&self.uniqueid, ""),
            }),
            "episode" => ItemKind::Episode(self.episode(show)?),
            _ => return None,
        };
        let runtime_ms = self.runtime.checked_mul(1_000).and_then(|ms| u32::try_from(ms).ok());
        Some(Item {
            kind,
            server_ref: self.id.map(|id| format!("{}:{id}", self.r#type)),
            server_show_ref: u64::try_from(self.tvshowid).ok().map(|id| format!("tvshow:{id}")),
            runtime_ms: total_ms.or(runtime_ms).filter(|ms| *ms > 0),
            ext: Vec::new(),
        })
    }

    fn episode(&self, show: Option<&ShowDetails>) -> Option<Episode> {
        let show = show.filter(|show| show.tvshowid == self.tvshowid);
        let mut show_ids = ids(&self.uniqueid, "tvshow.");
        for id in show.map(|show| ids(&show.uniqueid, "")).unwrap_or_default() {
            if show_ids.iter().all(|known| known.namespace != id.namespace) {
                show_ids.push(id);
            }
        }
        Some(Episode {
            show: Show {
                title: text(&self.showtitle)?,
                original_title: show
                    .and_then(|show| text(&show.originaltitle))
                    .filter(|it| *it != self.showtitle),
                year: show.and_then(|show| year(show.year)),
                ids: show_ids,
            },
            season: u32::try_from(self.season).ok(),
            numbers: u32::try_from(self.episode).ok().filter(|number| *number > 0).into_iter().collect(),
            absolute_number: None,
            title: text(&self.title),
            year: None,
            ids: ids(&self.uniqueid, ""),
        })
    }
}

/// The ids of these catalogues, whose names begin with a prefix.
fn ids(unique: &BTreeMap<String, Value>, prefix: &str) -> Vec<ExternalId> {
    let id = |namespace: &str| {
        // Some scrapers write numbers.
        let value = match unique.get(&format!("{prefix}{namespace}"))? {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        let is_id = !value.is_empty() && value != "0";
        is_id.then(|| ExternalId { namespace: namespace.to_owned(), value })
    };
    NAMESPACES.into_iter().filter_map(id).collect()
}

fn text(text: &str) -> Option<String> {
    Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A year; Kodi writes 0, or 1601, where it knows none.
fn year(year: i64) -> Option<u16> {
    u16::try_from(year).ok().filter(|year| *year > 1_850)
}
