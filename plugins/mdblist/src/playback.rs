//! `/scrobble/clear`: resume points.

use playrelay_sdk::host::types::{Item, Receipt};
use playrelay_sdk::tracker::{post, with_resume_point};
use serde_json::Value;

use crate::{item_body, response};

/// Clears the resume point of an item whose watch was entered or taken back.
pub fn forget(item: &Item, receipt: Receipt) -> Receipt {
    // The name without ids of the episode fits whatever was paused under it.
    let Some(variant) = item_body::variants(item).pop() else { return receipt };
    let cleared = post("/scrobble/clear", &Value::Object(variant.fields)).and_then(|response| {
        if response.status == 404 {
            return Ok(false);
        }
        Ok(response::require_success(response)?.json::<Value>()?["deleted"] == true)
    });
    with_resume_point(receipt, cleared)
}
