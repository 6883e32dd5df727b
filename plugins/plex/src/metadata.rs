//! A `Metadata` object, as it stands in webhooks and in answers of the server, becomes an item.

use playrelay_sdk::host::types::{Episode, ExternalId, Item, ItemKind, Movie, Season, Show};
use serde_json::Value;

use crate::guid;
use crate::value::{text, whole};

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
            number: whole(&metadata["index"]).unwrap_or_default(),
            ids,
        }),
        "episode" => {
            let legacy = guid::legacy(raw_guid, false);
            ItemKind::Episode(Episode {
                show: parent_show(metadata, "grandparentTitle", "grandparentGuid", raw_guid),
                season: whole(&metadata["parentIndex"]).or(legacy.season),
                numbers: whole(&metadata["index"]).or(legacy.episode).into_iter().collect(),
                absolute_number: None,
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
        ext: Vec::new(),
    })
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

/// Libraries tell shows of one name apart by a year in the title: "The Paper (2025)".
fn without_year(title: &str) -> (String, Option<u16>) {
    let year = title
        .strip_suffix(')')
        .and_then(|title| title.rsplit_once(" ("))
        .filter(|(_, year)| year.len() == 4)
        .and_then(|(title, year)| Some((title.to_owned(), Some(year.parse().ok()?))));
    year.unwrap_or_else(|| (title.to_owned(), None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_in_the_title_is_the_shows() {
        assert_eq!(without_year("The Paper (2025)"), ("The Paper".to_owned(), Some(2025)));
        for title in ["1883", "Space (1999", "Beyond (Extended)", "(2025)", ""] {
            assert_eq!(without_year(title), (title.to_owned(), None));
        }
    }
}
