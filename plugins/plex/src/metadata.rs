//! A `Metadata` object, as it stands in webhooks and in answers of the server, becomes an item.

use playrelay_sdk::host::reports::Content;
use playrelay_sdk::host::types::{Episode, ExternalId, Field, Item, ItemKind, Movie, Season, Show};
use playrelay_sdk::json::{flag, text, whole};
use playrelay_sdk::server::{edition, is_id, without_year};
use playrelay_sdk::titles;
use serde_json::Value;

use crate::guid;

/// Nothing was filmed before.
const EARLIEST_YEAR: u16 = 1870;

/// The item, where its `type` is one that can be watched or rated.
pub fn item(metadata: &Value) -> Option<Item> {
    let title = text(&metadata["title"]);
    // Rows of the history have the day alone.
    let year = whole(&metadata["year"]).or_else(|| year_of(&metadata["originallyAvailableAt"]));
    let ids = guid::list(metadata);
    let raw_guid = metadata["guid"].as_str().unwrap_or_default();
    let own = || guid::read(raw_guid, false);
    let kind = match metadata["type"].as_str()? {
        "movie" => {
            let ids = or_else(ids, guid::read(raw_guid, true).id);
            let original_title = text(&metadata["originalTitle"]);
            ItemKind::Movie(Movie { title: title.unwrap_or_default(), original_title, year, ids })
        }
        "show" => {
            let ids = or_else(ids, own().id);
            let (title, suffix) = without_year(&title.unwrap_or_default());
            ItemKind::Show(Show {
                title,
                original_title: text(&metadata["originalTitle"]),
                year: year.or(suffix),
                ids,
            })
        }
        "season" => ItemKind::Season(Season {
            show: parent_show(metadata, "parentTitle", "parentGuid", raw_guid),
            number: whole(&metadata["index"]).or(own().season)?,
            ids: or_else(ids, own().of_itself()),
        }),
        "episode" => {
            let numbers = own();
            ItemKind::Episode(Episode {
                show: parent_show(metadata, "grandparentTitle", "grandparentGuid", raw_guid),
                season: whole(&metadata["parentIndex"]).or(numbers.season),
                numbers: whole(&metadata["index"]).or(numbers.episode).into_iter().collect(),
                absolute_number: whole(&metadata["absoluteIndex"]),
                title,
                year,
                ids: or_else(ids, own().of_itself()),
            })
        }
        _ => return None,
    };
    let of_show = match kind {
        ItemKind::Episode(_) => "grandparent",
        _ => "parent",
    };
    Some(Item {
        server_ref: key_of(&metadata["ratingKey"], &metadata["key"]),
        server_show_ref: key_of(&metadata[format!("{of_show}RatingKey")], &metadata[format!("{of_show}Key")]),
        runtime_ms: whole(&metadata["duration"]).filter(|runtime| *runtime > 0),
        ext: edition_of(metadata)
            .map(|value| Field { name: "edition".to_owned(), value })
            .into_iter()
            .chain(titles::air_date(&kind, &metadata["originallyAvailableAt"]))
            .collect(),
        kind,
    })
}

/// The key of an item: by itself, or at the end of its path, which is all that rows of the history have of a show.
fn key_of(key: &Value, path: &Value) -> Option<String> {
    let in_path = || {
        let key = path.as_str()?.strip_prefix("/library/metadata/")?;
        Some(key.split('/').next()?.to_owned()).filter(|key| is_id(key))
    };
    text(key).or_else(in_path)
}

/// The year of a day: `1972-03-20`.
fn year_of(day: &Value) -> Option<u16> {
    day.as_str()?.split('-').next()?.parse().ok().filter(|year| *year >= EARLIEST_YEAR)
}

/// The edition: said by the server (`editionTitle`), or by the name of a file.
fn edition_of(metadata: &Value) -> Option<String> {
    text(&metadata["editionTitle"])
        .or_else(|| paths(metadata).iter().find_map(|path| edition(path).map(str::to_owned)))
}

/// Where the closing credits begin, where the server has found them.
pub fn credits(metadata: &Value) -> Option<u32> {
    let markers = metadata["Marker"].as_array()?;
    markers
        .iter()
        .rfind(|marker| marker["type"] == "credits")
        .and_then(|marker| whole(&marker["startTimeOffset"]))
}

/// Live television keeps an ordinary guid: only its path and its flag tell.
pub fn content(metadata: &Value) -> Content {
    let starts =
        |field: &str, prefix: &str| metadata[field].as_str().is_some_and(|text| text.starts_with(prefix));
    let library: Option<i64> = whole(&metadata["librarySectionID"]);
    let media = metadata["Media"].as_array();
    let live = flag(&metadata["live"])
        || starts("key", "/livetv/")
        || media.is_some_and(|media| media.iter().any(|media| media["origin"] == "livetv"));
    // What the recorder could not match keeps the guid of the programme, and lies in a library.
    let of_programme = starts("guid", "tv.plex.xmltv://");
    let recorded = of_programme && library.is_some_and(|id| id > 0);
    let live = live || (of_programme && !recorded);
    let extra = !metadata["extraType"].is_null()
        || metadata["subtype"].as_str() == Some("trailer")
        || starts("guid", "analyzed.prerolls://")
        || starts("guid", "iva://")
        || library.is_some_and(|id| id < 0);
    match (live, extra) {
        (true, _) => Content::LiveTv,
        (_, true) => Content::Extra,
        _ if recorded => Content::Recording,
        _ => Content::OnDemand,
    }
}

/// The owner of a server is 1 there, and has another id elsewhere: some messages have the one, some the other.
pub fn local_id(user: &Value) -> Option<Field> {
    let is_owner = text(user).as_deref() == Some("1");
    is_owner.then(|| Field { name: "user-id-scope".to_owned(), value: "server".to_owned() })
}

/// The files of an item.
pub fn paths(metadata: &Value) -> Vec<String> {
    let media = metadata["Media"].as_array().into_iter().flatten();
    media
        .filter_map(|media| media["Part"].as_array())
        .flatten()
        .filter_map(|part| text(&part["file"]))
        .collect()
}

fn parent_show(metadata: &Value, title: &str, guid: &str, own_guid: &str) -> Show {
    let (title, year) = without_year(&text(&metadata[title]).unwrap_or_default());
    let own = || guid::read(own_guid, false).of_title();
    let id = metadata[guid].as_str().and_then(|guid| guid::read(guid, false).id).or_else(own);
    Show { title, original_title: None, year, ids: id.into_iter().collect() }
}

fn or_else(ids: Vec<ExternalId>, of_guid: Option<ExternalId>) -> Vec<ExternalId> {
    if ids.is_empty() { of_guid.into_iter().collect() } else { ids }
}
