//! A second look at the server: ids, numbers and runtime of the item, and the ids of its show.

use playrelay_sdk::host::types::{Failure, Item, ItemKind};
use playrelay_sdk::host::{kv, settings};
use playrelay_sdk::{failure, http};
use serde_json::Value;

use crate::metadata;

/// How long the ids of a show are kept. Seconds.
const SHOW_KEPT: u32 = 24 * 60 * 60;

/// Fills in what `item` lacks.
pub fn resolve(item: Item) -> Result<Item, Failure> {
    let Some(server) = settings::get("url") else {
        return Err(Failure::Rejected(
            "no server address is set (`url`), so nothing could be looked up".to_owned(),
        ));
    };
    let server = server.trim_end_matches('/');
    let Some(rating_key) = item.server_ref.clone() else {
        return Err(Failure::Rejected("the event names no item of the server".to_owned()));
    };
    let found = look_up(server, &rating_key)?;
    let mut item = metadata::item(&found).unwrap_or(item);
    if let Some(show_key) = item.server_show_ref.clone()
        && let ItemKind::Episode(episode) = &mut item.kind
        && episode.show.ids.is_empty()
    {
        let show = look_up_show(server, &show_key)?;
        if let Some(ItemKind::Show(show)) = metadata::item(&show).map(|item| item.kind) {
            episode.show.ids = show.ids;
            episode.show.year = show.year.or(episode.show.year);
            episode.show.original_title = show.original_title;
        }
    }
    Ok(item)
}

/// The show, from the small store where an episode of it was looked up before.
fn look_up_show(server: &str, rating_key: &str) -> Result<Value, Failure> {
    let key = format!("show:{rating_key}");
    // A store that fails costs a request, nothing else.
    if let Ok(Some(kept)) = kv::get(&key)
        && let Ok(show) = serde_json::from_slice(&kept)
    {
        return Ok(show);
    }
    let found = look_up(server, rating_key)?;
    let mut show = serde_json::Map::new();
    for field in ["type", "title", "originalTitle", "year", "guid", "Guid", "ratingKey"] {
        show.insert(field.to_owned(), found[field].clone());
    }
    let show = Value::Object(show);
    if let Ok(bytes) = serde_json::to_vec(&show) {
        let _ = kv::set(&key, &bytes, Some(SHOW_KEPT));
    }
    Ok(show)
}

fn look_up(server: &str, rating_key: &str) -> Result<Value, Failure> {
    if !rating_key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Failure::Rejected(format!("{rating_key:?} is no key of an item")));
    }
    let url = format!("{server}/library/metadata/{rating_key}?includeGuids=1");
    let response = http::get(&url, &[("accept", "application/json")])?;
    match response.status {
        200 => {
            let answer: Value = response.json()?;
            Ok(answer["MediaContainer"]["Metadata"][0].clone())
        }
        401 | 403 => Err(Failure::Unauthorized("the server refused the token (`token`)".to_owned())),
        404 => Err(Failure::Rejected("the server no longer has this item".to_owned())),
        status => Err(failure::of_overload(&response, "the server")
            .unwrap_or_else(|| Failure::Rejected(format!("the server answered {status}")))),
    }
}
