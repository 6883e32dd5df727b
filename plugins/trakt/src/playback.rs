//! `/sync/playback`: resume points. Trakt takes one away when its item is scrobbled, and keeps it when the watch is entered into the
//! history, or taken out of it.

use playrelay_sdk::host::types::{Failure, Item, ItemKind, Receipt};
use playrelay_sdk::http::{self, Method};
use playrelay_sdk::json::text;
use playrelay_sdk::tracker::with_resume_point;
use serde_json::Value;

use crate::{entry, pages, response};

/// Clears the resume points of an item whose watch was entered or taken back.
pub fn forget(item: &Item, receipt: Receipt) -> Receipt {
    with_resume_point(receipt, clear(item))
}

/// Whether there was a resume point.
fn clear(item: &Item) -> Result<bool, Failure> {
    let kind = match item.kind {
        ItemKind::Movie(_) => "movies",
        ItemKind::Episode(_) => "episodes",
        ItemKind::Season(_) | ItemKind::Show(_) => return Ok(false),
    };
    let points: Vec<Value> = pages::all(&format!("/sync/playback/{kind}"), "")?;
    let numbers = playrelay_sdk::tracker::numbers(item);
    let is_of_item = |point: &&Value| {
        entry::is_same(point, item, None)
            || numbers.iter().any(|number| entry::is_same(point, item, Some(*number)))
    };
    let ids: Vec<String> = points.iter().filter(is_of_item).filter_map(|point| text(&point["id"])).collect();
    ids.iter().try_for_each(|id| remove(id).map(drop))?;
    Ok(!ids.is_empty())
}

/// Takes one resume point away, by Trakt's own id of it. One that is gone is as good.
pub fn remove(id: &str) -> Result<bool, Failure> {
    let url = http::join_setting("api_url", &format!("/sync/playback/{id}"));
    let answer = http::send_empty(Method::Delete, &url, &[("content-type", "application/json")])?;
    if answer.status == 404 {
        return Ok(false);
    }
    response::require_success(answer).map(|_| true)
}
