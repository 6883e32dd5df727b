//! Plan-to-watch.
//!
//! SIMKL moves a title off it when it is watched. The only call that takes one off removes the title from the library, with
//! its history and its rating: so it is made only for a title that has neither.

use playrelay_sdk::capability::watchlist::{Entry, Page};
use playrelay_sdk::host::types::{ExternalId, Failure, Item, ItemKind, Movie, Outcome, Receipt, Show};
use playrelay_sdk::json::{text, whole};
use playrelay_sdk::titles::item_without_server;
use playrelay_sdk::tracker::{count, get, post, receipt, unmatched};
use playrelay_sdk::{ids, server};
use serde_json::{Value, json};

use crate::response::NAME;
use crate::{item_body, response};

/// The lists, each a page: its name in a path, and in an answer, and the name of a title.
const LISTS: [(&str, &str, &str); 3] =
    [("movies", "movies", "movie"), ("shows", "shows", "show"), ("anime", "anime", "show")];
/// How long a list is taken as it was read while SIMKL says that nothing has changed. Seconds.
const LIST_CACHE_TTL: u32 = 24 * 60 * 60;

/// A page of the list; the cursor is the name of the next.
pub fn entries(cursor: Option<&str>) -> Result<Page, Failure> {
    let place = cursor.map_or(Some(0), |cursor| LISTS.iter().position(|(path, _, _)| *path == cursor));
    let Some(place) = place else {
        return Err(Failure::Rejected(format!("{} is not a page of the list", cursor.unwrap_or_default())));
    };
    let (path, list, title) = LISTS[place];
    let found = planned(path)?;
    let entry = |row: &Value| {
        let (named, ids) = (&row[title], ids::read(&row[title]["ids"]));
        let title = text(&named["title"])?;
        let kind = kind(path, title, whole(&named["year"]), ids);
        Some(Entry { item: item_without_server(kind), added_at: text(&row["added_to_watchlist_at"]) })
    };
    let entries = found[list].as_array().into_iter().flatten().filter_map(entry).collect();
    Ok(Page { entries, cursor: LISTS.get(place + 1).map(|(path, _, _)| (*path).to_owned()) })
}

/// SIMKL blocks programs that read lists without looking first whether anything has changed.
fn planned(path: &str) -> Result<Value, Failure> {
    let activities: Value = response::require_success(get("/sync/activities")?)?.json()?;
    let key = if path == "shows" { "tv_shows" } else { path };
    let changed = &activities[key]["all"];
    let kept_as = format!("plantowatch:{path}");
    if let Some(kept) = server::cache_get(&kept_as)
        && kept["changed"] == *changed
        && !changed.is_null()
    {
        return Ok(kept["list"].clone());
    }
    let answer = response::require_success(get(&format!("/sync/all-items/{path}/plantowatch"))?)?;
    let list: Value = if answer.text().trim().is_empty() { Value::Null } else { answer.json()? };
    server::cache_put(&kept_as, &json!({ "changed": changed, "list": list }), LIST_CACHE_TTL);
    Ok(list)
}

fn kind(path: &str, title: String, year: Option<u16>, ids: Vec<ExternalId>) -> ItemKind {
    if path == "movies" {
        return ItemKind::Movie(Movie { title, original_title: None, year, ids });
    }
    ItemKind::Show(Show { title, original_title: None, year, ids })
}

/// Puts a title on the list.
pub fn add(item: &Item) -> Result<Receipt, Failure> {
    let Some((list, mut entry)) = item_body::title(item) else { return Ok(no_title()) };
    entry["to"] = json!("plantowatch");
    let answer: Value =
        response::require_success(post("/sync/add-to-list", &json!({ list: [entry] }))?)?.json()?;
    let added = answer["added"][list].as_array().is_some_and(|added| !added.is_empty());
    Ok(if added { receipt(Outcome::Accepted, "") } else { unmatched(NAME, item, &["ids"]) })
}

/// Takes a title off the list, where that takes nothing else away.
pub fn remove(item: &Item) -> Result<Receipt, Failure> {
    let Some((list, entry)) = item_body::title(item) else { return Ok(no_title()) };
    let kind = if list == "movies" { "movie" } else { "show" };
    // Here, and only here, the ids stand beside the title.
    let mut asked = entry["ids"].as_object().cloned().unwrap_or_default();
    asked.insert("type".to_owned(), json!(kind));
    for field in ["title", "year"] {
        asked.extend(entry.get(field).map(|value| (field.to_owned(), value.clone())));
    }
    let answer: Value = response::require_success(post("/sync/watched", &json!([asked]))?)?.json()?;
    let status = &answer[0];
    // `result` says whether the title is on any of the lists, `list` on which.
    if status["list"] != "plantowatch" {
        let note = match status["list"].as_str() {
            Some(other) => format!("it is not on plan-to-watch, but on the list \u{201c}{other}\u{201d}"),
            None => "it is not on the list".to_owned(),
        };
        return Ok(receipt(Outcome::Duplicate, note));
    }
    if !status["last_watched_at"].is_null() {
        let note = "SIMKL would forget what was watched of it as well, so it stays on the list";
        return Ok(receipt(Outcome::Unsupported, note));
    }
    if is_or_may_be_rated(item, list)? {
        let note = "SIMKL would forget its rating as well, so it stays on the list";
        return Ok(receipt(Outcome::Unsupported, note));
    }
    let removed: Value =
        response::require_success(post("/sync/history/remove", &json!({ list: [entry] }))?)?.json()?;
    Ok(match count(&removed["deleted"], &[list]) {
        0 => receipt(Outcome::Duplicate, "it is not on the list"),
        _ => receipt(Outcome::Accepted, "taken off the list"),
    })
}

/// Without this SIMKL lists what has no rating as well.
const EVERY_RATING: &str = "1,2,3,4,5,6,7,8,9,10";

/// Whether there is a rating of a title. One that can be told from no other row by its ids or its name counts as rated.
fn is_or_may_be_rated(item: &Item, list: &str) -> Result<bool, Failure> {
    let (own, title, year): (&[ExternalId], &str, Option<u16>) = match &item.kind {
        ItemKind::Movie(movie) => (&movie.ids, &movie.title, movie.year),
        ItemKind::Show(show) => (&show.ids, &show.title, show.year),
        ItemKind::Season(_) | ItemKind::Episode(_) => return Ok(true),
    };
    // Anime has ratings of its own.
    let lists: &[&str] = if list == "movies" { &["movies"] } else { &["shows", "anime"] };
    for list in lists {
        let answer = response::require_success(get(&format!("/sync/ratings/{list}/{EVERY_RATING}"))?)?;
        let rated: Value = if answer.text().trim().is_empty() { Value::Null } else { answer.json()? };
        let may_be = |row: &Value| {
            let named =
                ["movie", "show", "anime"].iter().map(|key| &row[*key]).find(|named| named.is_object());
            let Some(named) = named else { return true };
            let comparable = own.iter().any(|id| {
                item_body::SHARED_IDS.contains(&id.namespace.as_str())
                    && !named["ids"][id.namespace.as_str()].is_null()
            });
            let same_name = text(&named["title"]).is_none_or(|found| found.eq_ignore_ascii_case(title))
                && whole(&named["year"]).zip(year).is_none_or(|(found, year): (u16, u16)| found == year);
            if comparable { ids::share(own, &item_body::SHARED_IDS, &named["ids"]) } else { same_name }
        };
        if rated[*list].as_array().into_iter().flatten().any(may_be) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn no_title() -> Receipt {
    receipt(Outcome::Unsupported, "SIMKL's lists hold movies and shows that have ids, or a title and a year")
}
