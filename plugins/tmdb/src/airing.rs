//! The last episode that aired.

use playrelay_sdk::host::types::{Failure, Item, ItemKind};
use playrelay_sdk::titles;

use crate::{api, find};

/// The last regular episode of a show that has aired.
pub fn last_aired(show: &Item) -> Result<Option<Item>, Failure> {
    let ItemKind::Show(named) = &show.kind else { return Ok(None) };
    let Some(id) = find::show_id(named)? else { return Ok(None) };
    let Some(found) = api::get(&format!("/3/tv/{id}"))? else { return Ok(None) };
    let last = &found["last_episode_to_air"];
    let (season, number) = (&last["season_number"], &last["episode_number"]);
    Ok(titles::last_aired(show, season, number, &last["name"], Vec::new()))
}
