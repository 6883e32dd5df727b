//! A `Metadata` object, as it stands in webhooks and in answers of the server, becomes an item.

use playrelay_sdk::host::reports::Content;
use playrelay_sdk::host::types::{Episode, ExternalId, Field, Item, ItemKind, Movie, Season, Show};
use playrelay_sdk::json::{flag, text, whole};
use playrelay_sdk::server::{edition, without_year};
use serde_json::Value;

use crate::guid;

/// The item, where its `type` is one that can be watched or rated.
pub fn item(metadata: &Value) -> Option<Item> {
    let title = text(&metadata["title"]);
    let year = whole(&metadata["year"]);
    let ids = guid::list(metadata);
    let raw_guid = metadata["guid"].as_str().unwrap_or_default();
    let kind = match metadata["type"].as_str()? {
        "movie" => {
            let ids = or_legacy(ids, guid::legacy(raw_guid, true).id);
            let original_title = text(&metadata["originalTitle"]);
            ItemKind::Movie(Movie { title: title.unwrap_or_default(), original_title, year, ids })
        }
        "show" => {
            let ids = or_legacy(ids, guid::legacy(raw_guid, false).id);
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
            number: whole(&metadata["index"]).or(guid::legacy(raw_guid, false).season)?,
            ids,
        }),
        "episode" => {
            let legacy = guid::legacy(raw_guid, false);
            ItemKind::Episode(Episode {
                show: parent_show(metadata, "grandparentTitle", "grandparentGuid", raw_guid),
                season: whole(&metadata["parentIndex"]).or(legacy.season),
                numbers: whole(&metadata["index"]).or(legacy.episode).into_iter().collect(),
                absolute_number: whole(&metadata["absoluteIndex"]),
                title,
                year,
                ids,
            })
        }
        _ => return None,
    };
    let show_key = match kind {
        ItemKind::Episode(_) => "grandparentRatingKey",
        _ => "parentRatingKey",
    };
    Some(Item {
        server_ref: text(&metadata["ratingKey"]),
        server_show_ref: text(&metadata[show_key]),
        runtime_ms: whole(&metadata["duration"]).filter(|runtime| *runtime > 0),
        kind,
        ext: edition_of(metadata)
            .map(|value| Field { name: "edition".to_owned(), value })
            .into_iter()
            .collect(),
    })
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
    let live = flag(&metadata["live"]) || starts("key", "/livetv/") || starts("guid", "tv.plex.xmltv://");
    let media = metadata["Media"].as_array();
    let live = live || media.is_some_and(|media| media.iter().any(|media| media["origin"] == "livetv"));
    let library: Option<i64> = whole(&metadata["librarySectionID"]);
    let extra = !metadata["extraType"].is_null()
        || metadata["subtype"].as_str() == Some("trailer")
        || starts("guid", "analyzed.prerolls://")
        || starts("guid", "iva://")
        || library.is_some_and(|id| id < 0);
    match (live, extra) {
        (true, _) => Content::LiveTv,
        (_, true) => Content::Extra,
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
    let of = |guid: &str| guid::legacy(guid, false).id;
    let id = metadata[guid].as_str().and_then(of).or_else(|| of(own_guid));
    Show { title, original_title: None, year, ids: id.into_iter().collect() }
}

fn or_legacy(ids: Vec<ExternalId>, legacy: Option<ExternalId>) -> Vec<ExternalId> {
    if ids.is_empty() { legacy.into_iter().collect() } else { ids }
}
