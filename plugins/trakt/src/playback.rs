//! `/sync/playback`: resume points. Trakt takes one away when its item is scrobbled, and keeps it when the watch is entered into the
//! history, or taken out of it.

use playrelay_sdk::host::types::{Failure, Item, ItemKind, Receipt};
use playrelay_sdk::http::{self, Method};
use playrelay_sdk::json::text;
use playrelay_sdk::tracker::with_note;
use serde_json::Value;

use crate::{answer, history, pages};

/// Takes away the resume points of an item whose watch was entered or taken back. What fails costs a resume point, and not the watch: it
/// is told in the note.
pub fn forget(item: &Item, receipt: Receipt) -> Receipt {
    match try_to_forget(item) {
        Ok(0) => receipt,
        Ok(_) => with_note(receipt, "its resume point was cleared"),
        Err(failure) => {
            let reason = playrelay_sdk::failure::reason(&failure);
            with_note(receipt, &format!("its resume point could not be cleared ({reason})"))
        }
    }
}

fn try_to_forget(item: &Item) -> Result<usize, Failure> {
    let kind = match item.kind {
        ItemKind::Movie(_) => "movies",
        ItemKind::Episode(_) => "episodes",
        ItemKind::Season(_) | ItemKind::Show(_) => return Ok(0),
    };
    let points: Vec<Value> = pages::all(&format!("/sync/playback/{kind}"), "")?;
    let numbers = playrelay_sdk::tracker::numbers(item);
    let is_of_item = |point: &&Value| {
        history::is_same(point, item, None)
            || numbers.iter().any(|number| history::is_same(point, item, Some(*number)))
    };
    let ids: Vec<String> = points.iter().filter(is_of_item).filter_map(|point| text(&point["id"])).collect();
    ids.iter().try_for_each(|id| remove(id).map(drop))?;
    Ok(ids.len())
}

/// Takes one resume point away, by Trakt's own id of it. One that is gone is as good.
pub fn remove(id: &str) -> Result<bool, Failure> {
    let url = http::below("api_url", &format!("/sync/playback/{id}"));
    let answer = http::bare(Method::Delete, &url, &[("content-type", "application/json")])?;
    if answer.status == 404 {
        return Ok(false);
    }
    answer::require_success(answer).map(|_| true)
}
