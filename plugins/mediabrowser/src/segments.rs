//! `/MediaSegments` of Jellyfin 10.10 and later: where the closing credits begin, as the server's own plugins have found out. Earlier
//! servers have no such path.

use playrelay_sdk::{http, server};
use serde_json::{Value, json};

use crate::Flavor;
use crate::values::ms;

/// How long the answer for an item is kept. Seconds.
const SEGMENTS_TTL_S: u32 = 24 * 60 * 60;
/// How long a server that did not answer is not asked again. Seconds.
const PAUSE: u32 = 5 * 60;

/// Where the closing credits of an item begin, in ms; absent where the server does not know, or is no Jellyfin. A server that does not
/// answer costs a better threshold, and nothing else.
pub fn credits_start(family: Flavor, id: &str) -> Option<u32> {
    if family != Flavor::Jellyfin || !server::is_id(id) {
        return None;
    }
    let key = format!("segments:{id}");
    if let Some(known) = server::cache_get(&key) {
        return playrelay_sdk::json::whole(&known);
    }
    let url = format!("{}/MediaSegments/{id}?includeSegmentTypes=Outro", family.api().ok()?);
    let (start, seconds) = match http::get(&url, http::ACCEPT_JSON) {
        Ok(answer) if answer.status == 200 => {
            (answer.json().ok().and_then(|found| last_outro(&found)), SEGMENTS_TTL_S)
        }
        Ok(answer) if answer.status == 404 => (None, SEGMENTS_TTL_S),
        Ok(_) | Err(_) => (None, PAUSE),
    };
    server::cache_put(&key, &json!(start), seconds);
    start
}

/// Where the last outro of an item begins, in ms.
fn last_outro(found: &Value) -> Option<u32> {
    let segments = found["Items"].as_array().into_iter().flatten();
    segments.filter(|it| it["Type"] == "Outro").filter_map(|it| ms(&it["StartTicks"])).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_outro_counts() {
        let segment = |kind: &str, start: u64| json!({ "Type": kind, "StartTicks": start * 10_000 });
        let found =
            json!({ "Items": [segment("Intro", 1), segment("Outro", 5_000), segment("Outro", 9_000)] });
        assert_eq!(last_outro(&found), Some(9_000));
        assert_eq!(last_outro(&json!({ "Items": [] })), None);
    }
}
