//! The watchlist of a Plex account, at plex.tv: a list of movies and shows, whatever the servers have.
//!
//! Facts: python-plexapi, and what Plex's own clients send; there is no public document.

use playrelay_sdk::capability::watchlist::{Entry, Page};
use playrelay_sdk::host::types::{ExternalId, Failure, Item, ItemKind, Outcome, Receipt};
use playrelay_sdk::http::{self, Method, Response};
use playrelay_sdk::json::{text, whole};
use playrelay_sdk::tracker::{receipt, unmatched};
use playrelay_sdk::{failure, ids};
use serde_json::Value;

use crate::metadata;

/// Entries of a page.
const PAGE_TITLES: u32 = 100;
/// The catalogues by whose ids Plex finds a title.
const FINDABLE: [&str; 3] = ["imdb", "tmdb", "tvdb"];

/// A page of the list; the cursor is the number of entries before it.
pub fn entries(cursor: Option<&str>) -> Result<Page, Failure> {
    let start: u32 = cursor.map_or(Ok(0), |cursor| {
        cursor.parse().map_err(|_| Failure::Rejected(format!("{cursor:?} is not a page of the list")))
    })?;
    let path = format!(
        "/library/sections/watchlist/all?includeCollections=1&includeExternalMedia=1&includeGuids=1\
         &sort=watchlistedAt:desc&X-Plex-Container-Start={start}&X-Plex-Container-Size={PAGE_TITLES}"
    );
    let answer: Value = success(get("discover_url", &path)?)?.json()?;
    let container = &answer["MediaContainer"];
    let rows = container["Metadata"].as_array().cloned().unwrap_or_default();
    let entries = rows
        .iter()
        .filter_map(|row| Some(Entry { item: metadata::item(row)?, added_at: text(&row["watchlistedAt"]) }))
        .collect();
    let next = start.saturating_add(u32::try_from(rows.len()).unwrap_or(u32::MAX));
    let total: u32 = whole(&container["totalSize"]).unwrap_or(0);
    Ok(Page { entries, cursor: (next < total && !rows.is_empty()).then(|| next.to_string()) })
}

/// Puts a title on the list.
pub fn add(item: &Item) -> Result<Receipt, Failure> {
    change("addToWatchlist", true, item, "it is on the list already")
}

/// Takes a title off the list.
pub fn remove(item: &Item) -> Result<Receipt, Failure> {
    change("removeFromWatchlist", false, item, "it is not on the list")
}

fn change(action: &str, wanted: bool, item: &Item, unchanged: &str) -> Result<Receipt, Failure> {
    let (kind, own): (u8, &[ExternalId]) = match &item.kind {
        ItemKind::Movie(movie) => (1, &movie.ids),
        ItemKind::Show(show) => (2, &show.ids),
        ItemKind::Season(_) | ItemKind::Episode(_) => {
            return Ok(receipt(Outcome::Unsupported, "the watchlist is kept for movies and shows"));
        }
    };
    let Some(key) = find(kind, own)? else {
        let tried: Vec<&str> =
            FINDABLE.into_iter().filter(|namespace| ids::find(own, namespace).is_some()).collect();
        return Ok(unmatched("Plex", item, &tried));
    };
    let state: Value =
        success(get("metadata_url", &format!("/library/metadata/{key}/userState"))?)?.json()?;
    // An object, or a list of one.
    let state = &state["MediaContainer"]["UserState"];
    let listed = [&state["watchlistedAt"], &state[0]["watchlistedAt"]].iter().any(|at| !at.is_null());
    if listed == wanted {
        return Ok(receipt(Outcome::Duplicate, unchanged));
    }
    let url = http::join_setting("discover_url", &format!("/actions/{action}?ratingKey={key}"));
    let answer = http::send_empty(Method::Put, &url, http::ACCEPT_JSON)?;
    if matches!(answer.status, 404 | 409) {
        return Ok(receipt(Outcome::Duplicate, unchanged));
    }
    success(answer)?;
    Ok(receipt(Outcome::Accepted, ""))
}

/// The key under which Plex's catalogue has a title: the last part of its guid. Numbers mean nothing without the kind of title,
/// so it is held against what was found.
fn find(kind: u8, own: &[ExternalId]) -> Result<Option<String>, Failure> {
    let type_name = if kind == 1 { "movie" } else { "show" };
    for namespace in FINDABLE {
        let Some(id) = ids::find(own, namespace) else { continue };
        let path = format!("/library/metadata/matches?type={kind}&guid={namespace}://{id}");
        let answer = get("metadata_url", &path)?;
        if answer.status == 404 {
            continue;
        }
        let answer: Value = success(answer)?.json()?;
        let mut found = answer["MediaContainer"]["Metadata"].as_array().into_iter().flatten();
        let key = found.find_map(|row| {
            let guid = row["guid"].as_str()?.strip_prefix("plex://")?;
            let (kind, key) = guid.split_once('/')?;
            (kind == type_name && key.bytes().all(|byte| byte.is_ascii_alphanumeric()))
                .then(|| key.to_owned())
        });
        if key.is_some() {
            return Ok(key);
        }
    }
    Ok(None)
}

fn get(setting: &str, path: &str) -> Result<Response, Failure> {
    http::get(&http::join_setting(setting, path), http::ACCEPT_JSON)
}

fn success(answer: Response) -> Result<Response, Failure> {
    match answer.status {
        200..=299 => Ok(answer),
        401 | 403 => Err(Failure::Unauthorized(
            "plex.tv refused the token (`token`): it must be the account's own".to_owned(),
        )),
        _ => Err(failure::from_status(&answer, "plex.tv")),
    }
}
