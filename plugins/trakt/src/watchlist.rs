//! `/sync/watchlist`.

use playrelay_sdk::capability::watchlist::{Entry, Page};
use playrelay_sdk::host::types::{Failure, Item, ItemKind, Movie, Outcome, Receipt, Show};
use playrelay_sdk::json::{text, whole};
use playrelay_sdk::titles::item_without_server;
use playrelay_sdk::tracker::{is_missing, receipt, unmatched};
use playrelay_sdk::{ids, server};
use serde_json::{Value, json};

use crate::response::NAME;
use crate::{api, item_body, pages, response};

/// A page of the list. The cursor says which kind and which page: `shows:2`.
pub fn entries(cursor: Option<&str>) -> Result<Page, Failure> {
    let no_page = || Failure::Rejected(format!("{} is not a page of the list", cursor.unwrap_or_default()));
    let (kind, page) = match cursor {
        None => ("movies", 1_u32),
        Some(cursor) => {
            let (kind, page) = cursor.split_once(':').ok_or_else(no_page)?;
            (if kind == "shows" { "shows" } else { "movies" }, page.parse().map_err(|_| no_page())?)
        }
    };
    let (rows, is_last) = pages::one(&format!("/sync/watchlist/{kind}/added/desc"), "", page)?;
    let cursor = match (is_last, kind) {
        (false, _) => Some(format!("{kind}:{}", page.saturating_add(1))),
        (true, "movies") => Some("shows:1".to_owned()),
        (true, _) => None,
    };
    Ok(Page { entries: rows.iter().filter_map(entry).collect(), cursor })
}

fn entry(row: &Value) -> Option<Entry> {
    let named = &row[row["type"].as_str()?];
    let (title, year, ids) = (text(&named["title"])?, whole(&named["year"]), ids::read(&named["ids"]));
    let kind = match row["type"].as_str()? {
        "movie" => ItemKind::Movie(Movie { title, original_title: None, year, ids }),
        "show" => ItemKind::Show(Show { title, original_title: None, year, ids }),
        _ => return None,
    };
    Some(Entry { item: item_without_server(kind), added_at: text(&row["listed_at"]) })
}

/// How long it is kept what the account may have. Seconds.
const LIMIT_TTL_S: u32 = 60 * 60;

/// Puts titles on the list, as long as the account may have more.
pub fn add_all(items: &[Item]) -> Result<Vec<Receipt>, Failure> {
    let mut room = room()?;
    let mut receipts = Vec::new();
    for item in items {
        if let Some((0, limit)) = room {
            return Err(Failure::Rejected(format!(
                "the watchlist is full: the Trakt account may have {limit} titles on it (see trakt.tv/vip)"
            )));
        }
        let receipt = add(item)?;
        if receipt.outcome == Outcome::Accepted {
            room = room.map(|(left, limit)| (left.saturating_sub(1), limit));
        }
        receipts.push(receipt);
    }
    Ok(receipts)
}

/// How many titles there is room for, and how many the account may have; absent where Trakt does not say.
fn room() -> Result<Option<(u32, u32)>, Failure> {
    let limit = match server::cache_get("watchlist-limit") {
        Some(limit) => limit,
        None => {
            let settings: Value = response::require_success(api::get("/users/settings")?)?.json()?;
            let limit = settings["limits"]["watchlist"]["item_count"].clone();
            server::cache_put("watchlist-limit", &limit, LIMIT_TTL_S);
            limit
        }
    };
    let Some(limit) = whole::<u32>(&limit) else { return Ok(None) };
    let mut used = 0_u32;
    for kind in ["movies", "shows"] {
        let Some(count) = pages::count(&format!("/sync/watchlist/{kind}/added/desc"))? else {
            return Ok(None);
        };
        used = used.saturating_add(count);
    }
    Ok(Some((limit.saturating_sub(used), limit)))
}

fn add(item: &Item) -> Result<Receipt, Failure> {
    change("/sync/watchlist", "added", item, "it is on the list already")
}

/// Takes a title off the list.
pub fn remove(item: &Item) -> Result<Receipt, Failure> {
    change("/sync/watchlist/remove", "deleted", item, "it is not on the list")
}

fn change(path: &str, done: &str, item: &Item, unchanged: &str) -> Result<Receipt, Failure> {
    let (movie_ids, show_ids, _) = item_body::NAMESPACES;
    let (list, ids) = match &item.kind {
        ItemKind::Movie(movie) => ("movies", ids::object(&movie.ids, movie_ids)),
        ItemKind::Show(show) => ("shows", ids::object(&show.ids, show_ids)),
        ItemKind::Season(_) | ItemKind::Episode(_) => {
            return Ok(receipt(Outcome::Unsupported, "the watchlist is kept for movies and shows"));
        }
    };
    if ids.is_empty() {
        return Ok(unmatched(NAME, item, &[]));
    }
    let response = api::post(path, &json!({ list: [{ "ids": ids }] }))?;
    if let Some(failure) = response::full(&response) {
        return Err(failure);
    }
    let answer: Value = response::require_success(response)?.json()?;
    Ok(match (answer[done][list].as_u64().unwrap_or(0), is_missing(&answer)) {
        (0, true) => unmatched(NAME, item, &["ids"]),
        (0, false) => receipt(Outcome::Duplicate, unchanged),
        (_, _) => receipt(Outcome::Accepted, ""),
    })
}
