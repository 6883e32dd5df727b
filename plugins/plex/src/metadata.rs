//! A `Metadata` object, as it stands in webhooks and in answers of the server, becomes an item.

use playrelay_sdk::host::types::{Episode, ExternalId, Field, Item, ItemKind, Movie, Season, Show};
use playrelay_sdk::json::{text, whole};
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
