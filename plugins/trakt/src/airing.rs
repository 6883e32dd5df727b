//! The last episode that aired: `/shows/{id}/last_episode`.

use playrelay_sdk::host::types::{Failure, Item, ItemKind};
use playrelay_sdk::{ids, titles};
use serde_json::Value;

use crate::{api, response};

/// The last episode of a show that has aired; 204 where none has.
pub fn last_aired(show: &Item) -> Result<Option<Item>, Failure> {
    let ItemKind::Show(named) = &show.kind else { return Ok(None) };
    let ids = &named.ids;
    // Numbers of other catalogues cannot stand in a path: they would be taken for Trakt's own.
    let Some(id) = ["trakt", "slug", "imdb"].into_iter().find_map(|namespace| ids::find(ids, namespace))
    else {
        return Ok(None);
    };
    let response = api::get(&format!("/shows/{id}/last_episode"))?;
    if matches!(response.status, 204 | 404) {
        return Ok(None);
    }
    let last: Value = response::require_success(response)?.json()?;
    Ok(titles::last_aired(show, &last["season"], &last["number"], &last["title"], ids::read(&last["ids"])))
}
