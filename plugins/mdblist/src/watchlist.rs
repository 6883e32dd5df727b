//! The watchlist. Its bodies have the ids without an object around them, unlike everything else.

use playrelay_sdk::capability::watchlist::{Entry, Page};
use playrelay_sdk::host::types::{ExternalId, Failure, Item, ItemKind, Movie, Outcome, Receipt, Show};
use playrelay_sdk::ids::external;
use playrelay_sdk::json::{text, whole};
use playrelay_sdk::titles::item_without_server;
use playrelay_sdk::tracker::{count, get, is_missing, post, receipt, unmatched};
use serde_json::{Value, json};

use crate::response::NAME;
use crate::{item_body, response};

/// Entries of a page.
const PAGE_TITLES: u32 = 1_000;

/// A page of the list; the cursor is the number of entries before it.
pub fn entries(cursor: Option<&str>) -> Result<Page, Failure> {
    let offset: u32 = cursor.map_or(Ok(0), |cursor| {
        cursor.parse().map_err(|_| Failure::Rejected(format!("{cursor:?} is not a page of the list")))
    })?;
    let path = format!("/watchlist/items?limit={PAGE_TITLES}&offset={offset}");
    let answer: Value = response::require_success(get(&path)?)?.json()?;
    let of = |list: &str| answer[list].as_array().cloned().unwrap_or_default();
    let (movies, shows) = (of("movies"), of("shows"));
    let entries = movies
        .iter()
        .filter_map(|row| entry(row, true))
        .chain(shows.iter().filter_map(|row| entry(row, false)))
        .collect();
    let has_more = answer["pagination"]["has_more"] == true;
    Ok(Page { entries, cursor: has_more.then(|| offset.saturating_add(PAGE_TITLES).to_string()) })
}

fn entry(row: &Value, is_movie: bool) -> Option<Entry> {
    let id = |namespace: &str, key: &str| text(&row[key]).and_then(|id| external(namespace, &id));
    // What is called `id` is TMDb's.
    let ids: Vec<ExternalId> =
        [id("tmdb", "id"), id("imdb", "imdb_id"), id("tvdb", "tvdb_id")].into_iter().flatten().collect();
    let (title, year) = (text(&row["title"])?, whole(&row["release_year"]));
    let kind = if is_movie {
        ItemKind::Movie(Movie { title, original_title: None, year, ids })
    } else {
        ItemKind::Show(Show { title, original_title: None, year, ids })
    };
    Some(Entry { item: item_without_server(kind), added_at: text(&row["watchlist_at"]) })
}

/// Puts a title on the list.
pub fn add(item: &Item) -> Result<Receipt, Failure> {
    change("/watchlist/items/add", "added", item, "it is on the list already")
}

/// Takes a title off the list.
pub fn remove(item: &Item) -> Result<Receipt, Failure> {
    change("/watchlist/items/remove", "removed", item, "it is not on the list")
}

fn change(path: &str, done: &str, item: &Item, unchanged: &str) -> Result<Receipt, Failure> {
    let Some((list, named)) = item_body::listed(item) else {
        let note = "MDBList's watchlist holds movies and shows that have ids";
        return Ok(receipt(Outcome::Unsupported, note));
    };
    let response = post(path, &json!({ list: [named] }))?;
    if response.status == 404 {
        return Ok(unmatched(NAME, item, &["ids"]));
    }
    let answer: Value = response::require_success(response)?.json()?;
    // The documents give the answer of an addition for a removal as well; servers were seen to say `removed`.
    let counted = if answer[done].is_object() { &answer[done] } else { &answer["added"] };
    Ok(match (count(counted, &item_body::KINDS), done) {
        (0, "added") if is_missing(&answer) => unmatched(NAME, item, &["ids"]),
        // What it does not know of, and what is not on the list, are the same to it.
        (0, _) => receipt(Outcome::Duplicate, unchanged),
        (_, _) => receipt(Outcome::Accepted, ""),
    })
}
