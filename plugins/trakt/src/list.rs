//! `/sync/watchlist`.

use playrelay_sdk::capability::watchlist::{Entry, Page};
use playrelay_sdk::host::types::{Failure, Item, ItemKind, Movie, Outcome, Receipt, Show};
use playrelay_sdk::ids;
use playrelay_sdk::json::{text, whole};
use playrelay_sdk::titles::bare;
use playrelay_sdk::tracker::{is_missing, receipt, unmatched};
use serde_json::{Value, json};

use crate::{NAME, answer, api, body};

/// Entries of a page: the most that Trakt gives.
const PAGE: usize = 250;

/// A page of the list. The cursor says which kind and which page: `shows:2`.
pub fn entries(cursor: Option<&str>) -> Result<Page, Failure> {
    let no_page = || Failure::Rejected(format!("{} is no page of the list", cursor.unwrap_or_default()));
    let (kind, page) = match cursor {
        None => ("movies", 1_u32),
        Some(cursor) => {
            let (kind, page) = cursor.split_once(':').ok_or_else(no_page)?;
            (if kind == "shows" { "shows" } else { "movies" }, page.parse().map_err(|_| no_page())?)
        }
    };
    let path = format!("/sync/watchlist/{kind}/added/desc?page={page}&limit={PAGE}");
    let rows: Vec<Value> = answer::require_success(api::get(&path)?)?.json()?;
    let cursor = match (rows.len() >= PAGE, kind) {
        (true, _) => Some(format!("{kind}:{}", page.saturating_add(1))),
        (false, "movies") => Some("shows:1".to_owned()),
        (false, _) => None,
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
    Some(Entry { item: bare(kind), added_at: text(&row["listed_at"]) })
}

/// Puts a title on the list.
pub fn add(item: &Item) -> Result<Receipt, Failure> {
    change("/sync/watchlist", "added", item, "it is on the list already")
}

/// Takes a title off the list.
pub fn remove(item: &Item) -> Result<Receipt, Failure> {
    change("/sync/watchlist/remove", "deleted", item, "it is not on the list")
}

fn change(path: &str, done: &str, item: &Item, unchanged: &str) -> Result<Receipt, Failure> {
    let (movie_ids, show_ids, _) = body::NAMESPACES;
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
    if let Some(failure) = answer::full(&response) {
        return Err(failure);
    }
    let answer: Value = answer::require_success(response)?.json()?;
    Ok(match (answer[done][list].as_u64().unwrap_or(0), is_missing(&answer)) {
        (0, true) => unmatched(NAME, item, &["ids"]),
        (0, false) => receipt(Outcome::Duplicate, unchanged),
        (_, _) => receipt(Outcome::Accepted, ""),
    })
}
