//! Titles, put together and compared.

use serde_json::Value;

use crate::host::types::{Episode, ExternalId, Field, Item, ItemKind};
use crate::json::{text, whole};

/// An item of which no server was asked: a row of a list, an answer of a catalogue.
pub fn item_without_server(kind: ItemKind) -> Item {
    Item { kind, server_ref: None, server_show_ref: None, runtime_ms: None, ext: Vec::new() }
}

/// The last episode of a show that has aired, as a service tells it; absent where it has no season and number, or where `show` is no
/// show.
pub fn last_aired(
    show: &Item,
    season: &Value,
    number: &Value,
    title: &Value,
    ids: Vec<ExternalId>,
) -> Option<Item> {
    let ItemKind::Show(named) = &show.kind else { return None };
    let episode = Episode {
        show: named.clone(),
        season: Some(whole(season)?),
        numbers: vec![whole(number)?],
        absolute_number: None,
        title: text(title),
        year: None,
        ids,
    };
    Some(Item { kind: ItemKind::Episode(episode), ..show.clone() })
}

/// A season from here on is a year.
const FIRST_YEAR: u32 = 1900;

/// The day on which an episode was first shown, as a field of its item, where its numbers say too little: it has none, or its season is a year.
/// `day` begins with `2026-11-30`.
pub fn air_date(kind: &ItemKind, day: &Value) -> Option<Field> {
    let ItemKind::Episode(episode) = kind else { return None };
    let says_too_little =
        episode.numbers.is_empty() || episode.season.is_none_or(|season| season >= FIRST_YEAR);
    let day = text(day).filter(|_| says_too_little)?;
    let day = day.get(..10)?;
    let is_day = day.bytes().enumerate().all(|(place, byte)| match place {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    is_day.then(|| Field { name: "air-date".to_owned(), value: day.to_owned() })
}

/// The letters and digits of a title in lower case: catalogues differ in dashes and apostrophes.
pub fn normalized(title: &str) -> String {
    title.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
