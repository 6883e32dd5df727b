//! An export of Trakt: `watched-history-N.json`, `ratings-*.json`, `lists-watchlist.json`.

use playrelay_engine::library::import::{Entry, RowState, WatchedTime};
use playrelay_engine::model::Item;
use serde_json::Value;

use crate::imports::item::{Named, timestamp};
use crate::imports::row::{ImportedRow, Rows};

/// The order of files: those of a kind by their number, 2 before 10.
pub(super) fn order(name: &str) -> Option<u32> {
    let name = name.rsplit('/').next()?.strip_suffix(".json")?;
    let number = || name.rsplit('-').next().and_then(|number| number.parse::<u32>().ok()).unwrap_or(0);
    match name {
        _ if name.starts_with("watched-history") => Some(number()),
        _ if name.starts_with("ratings-") => Some(1_000_000_u32.saturating_add(number())),
        "lists-watchlist" => Some(2_000_000),
        _ => None,
    }
}

pub(super) fn read(name: &str, bytes: &[u8]) -> Result<Vec<ImportedRow>, String> {
    let list: Vec<Value> = serde_json::from_slice(bytes)
        .map_err(|error| format!("it is no list of JSON objects: {error}; export it again"))?;
    let is_rating = name.starts_with("ratings-");
    let is_watchlist = name.starts_with("lists-watchlist");
    let mut rows = Rows::of(name);
    for (place, row) in list.iter().enumerate() {
        let number = place + 1;
        let Some(item) = item(row) else {
            let kind = row["type"].as_str().unwrap_or("without a type");
            rows.not_for_us(
                number,
                kind,
                format!("an entry of the type {kind:?} is neither film nor series"),
            );
            continue;
        };
        let at = |field: &str| row[field].as_str().and_then(timestamp);
        let entry = if is_rating {
            row["rating"].as_f64().map(|stars| Entry::Rating { stars, at: at("rated_at") })
        } else if is_watchlist {
            Some(Entry::Listed { since: at("listed_at") })
        } else {
            let time = at("watched_at").map_or(WatchedTime::Unknown, WatchedTime::At);
            Some(Entry::Watch(time))
        };
        match entry {
            Some(entry) => rows.add(number, &item, entry),
            None => rows.leave(number, &item.to_string(), RowState::NoIdentity, "the row has no rating"),
        }
    }
    Ok(rows.finish())
}

/// What an entry is about.
fn item(row: &Value) -> Option<Item> {
    let show = Named::of_json(&row["show"]);
    match row["type"].as_str()? {
        "movie" => Some(Named::of_json(&row["movie"]).movie()),
        "show" => Some(show.show()),
        "season" => Some(show.season(number(&row["season"]["number"])?)),
        "episode" => {
            let episode = &row["episode"];
            Some(show.episode(
                number(&episode["season"]),
                number(&episode["number"]),
                &Named::of_json(episode),
            ))
        }
        _ => None,
    }
}

fn number(value: &Value) -> Option<u32> {
    value.as_u64()?.try_into().ok()
}
