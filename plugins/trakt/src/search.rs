//! `/search/{catalogue}/{id}`: what an id is of, before it is sent.

use playrelay_sdk::host::types::{Failure, Item, ItemKind};
use playrelay_sdk::{ids, matching};
use serde_json::Value;

use crate::{api, response};

/// Whether the lone id of TMDb that an episode has is that of this episode. It is often its show's, and Trakt would take it for an
/// episode of another show.
pub fn is_of_item(item: &Item) -> Result<bool, Failure> {
    let ItemKind::Episode(episode) = &item.kind else { return Ok(false) };
    let Some(id) = ids::find(&episode.ids, "tmdb") else { return Ok(false) };
    let response = api::get(&format!("/search/tmdb/{id}?type=episode"))?;
    if response.status == 404 {
        return Ok(false);
    }
    let found: Vec<Value> = response::require_success(response)?.json()?;
    let is_it = |found: &Value| found["episode"].is_object() && matching::mismatch(item, found).is_none();
    // Where nothing else is known of the episode there is nothing to hold the answer against.
    let is_comparable = !episode.show.title.is_empty() || !episode.show.ids.is_empty();
    Ok(is_comparable && found.iter().any(is_it))
}
