//! Films, shows and episodes from the fields that formats have; and their times.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use playrelay_engine::library::import::WatchedTime;
use playrelay_engine::model::{Episode, Ids, Item, ItemKind, Movie, Season, Show};
use serde_json::Value;

/// Catalogues whose ids are taken.
const NAMESPACES: [&str; 7] = ["imdb", "tmdb", "tvdb", "trakt", "simkl", "mal", "anidb"];

/// A title with its ids.
#[derive(Clone, Debug, Default)]
pub(super) struct Named {
    pub(super) title: String,
    pub(super) year: Option<u16>,
    pub(super) ids: Vec<(&'static str, String)>,
}

impl Named {
    /// Reads `{ title, year, ids: { imdb, tmdb, … } }`.
    pub(super) fn of_json(value: &Value) -> Self {
        Self {
            title: value["title"].as_str().unwrap_or_default().to_owned(),
            year: value["year"].as_u64().and_then(|year| year.try_into().ok()),
            ids: ids_of_json(&value["ids"]),
        }
    }

    fn ids<Kind>(&self) -> Ids<Kind> {
        self.ids.iter().map(|(namespace, id)| (*namespace, id.as_str())).collect()
    }

    /// The film.
    pub(super) fn movie(&self) -> Item {
        let (title, year) = (self.title.clone(), self.year);
        Item::of(ItemKind::Movie(Movie { title, year, ids: self.ids(), ..Movie::default() }))
    }

    /// The show.
    pub(super) fn show(&self) -> Item {
        Item::of(ItemKind::Show(self.as_show()))
    }

    /// A season of the show.
    pub(super) fn season(&self, number: u32) -> Item {
        Item::of(ItemKind::Season(Season { show: self.as_show(), number, ..Season::default() }))
    }

    /// An episode of the show.
    pub(super) fn episode(&self, season: Option<u32>, number: Option<u32>, own: &Self) -> Item {
        Item::of(ItemKind::Episode(Episode {
            show: self.as_show(),
            season,
            numbers: number.into_iter().collect(),
            title: Some(own.title.clone()).filter(|title| !title.is_empty()),
            ids: own.ids(),
            ..Episode::default()
        }))
    }

    fn as_show(&self) -> Show {
        Show { title: self.title.clone(), year: self.year, ids: self.ids(), ..Show::default() }
    }
}

/// The ids of an object; numbers and texts.
fn ids_of_json(value: &Value) -> Vec<(&'static str, String)> {
    let id = |namespace: &&'static str| {
        let text = match &value[*namespace] {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        (!text.is_empty()).then_some((*namespace, text))
    };
    NAMESPACES.iter().filter_map(id).collect()
}

/// A time with a zone, or a day, as files have it. Absent for anything else.
pub(super) fn time(text: &str) -> Option<WatchedTime> {
    let text = text.trim();
    if let Some(at) = timestamp(text) {
        return Some(WatchedTime::At(at));
    }
    text.parse::<Date>().ok().map(WatchedTime::On)
}

/// Since when something stands on a list: a time, or the beginning of a day.
pub(super) fn since(text: &str) -> Option<Timestamp> {
    let midnight = |day: Date| Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp());
    timestamp(text).or_else(|| midnight(text.trim().parse().ok()?))
}

/// A time with a zone, or one without, which is of UTC.
pub(super) fn timestamp(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    // Some programs write the zone without the colon, or a blank for the `T`.
    let is_time = text.contains(':');
    text.parse::<Timestamp>().ok().or_else(|| {
        let local: DateTime = is_time.then(|| text.replacen(' ', "T", 1).parse().ok())??;
        local.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    })
}
