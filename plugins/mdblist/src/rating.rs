//! `/sync/ratings`: whole numbers from 1 to 10.

use playrelay_sdk::capability::sink::Event;
use playrelay_sdk::host::types::{Failure, Outcome, Receipt};
use playrelay_sdk::tracker::{count, is_missing, numbers, post, receipt, unmatched};
use serde_json::{Value, json};

use crate::response::NAME;
use crate::{item_body, response};

/// A rating as MDBList has it.
fn whole(rating: f64) -> u8 {
    // In 1..=10 a cast is exact.
    rating.round().clamp(1.0, 10.0) as u8
}

/// The body that rates an item, to be sent among others; absent where it lacks the ids or numbers for that.
pub fn body(event: &Event, rating: f64) -> Option<Value> {
    entry(event, Some(whole(rating)))
}

fn entry(event: &Event, rating: Option<u8>) -> Option<Value> {
    let rated = |mut entry: Value| {
        if let Some(rating) = rating {
            entry["rating"] = json!(rating);
            entry["rated_at"] = json!(event.at);
        }
        entry
    };
    let first = numbers(&event.item).get(..1).unwrap_or_default();
    item_body::sync_body(&event.item, first, rated)
}

/// Sets a rating.
pub fn rate(event: &Event, rating: f64) -> Result<Receipt, Failure> {
    send("/sync/ratings", "updated", event, Some(whole(rating)))
}

/// Takes a rating back.
pub fn unrate(event: &Event) -> Result<Receipt, Failure> {
    send("/sync/ratings/remove", "removed", event, None)
}

fn send(path: &str, done: &str, event: &Event, rating: Option<u8>) -> Result<Receipt, Failure> {
    let Some(entry) = entry(event, rating) else {
        return Ok(unmatched(NAME, &event.item, &[]));
    };
    let answer: Value = response::require_success(post(path, &entry)?)?.json()?;
    Ok(match (count(&answer[done], &item_body::KINDS), is_missing(&answer)) {
        (0, true) => unmatched(NAME, &event.item, &["ids"]),
        (0, false) => receipt(Outcome::Duplicate, "nothing had to be changed"),
        (_, _) => receipt(Outcome::Accepted, ""),
    })
}
