//! What has aired.

use playrelay_sdk::host::types::{Episode, Failure, Item, ItemKind};
use playrelay_sdk::json::whole;

use crate::{api, find};

/// The last regular episode of a show that has aired.
pub fn last_aired(show: &Item) -> Result<Option<Item>, Failure> {
    let ItemKind::Show(named) = &show.kind else { return Ok(None) };
    let Some(id) = find::show_id(named)? else { return Ok(None) };
    let Some(found) = api::get(&format!("/3/tv/{id}"))? else { return Ok(None) };
    let last = &found["last_episode_to_air"];
    let (Some(season), Some(number)) = (whole(&last["season_number"]), whole(&last["episode_number"])) else {
        return Ok(None);
    };
    let episode = Episode {
        show: named.clone(),
        season: Some(season),
        numbers: vec![number],
        absolute_number: None,
        title: last["name"].as_str().map(str::to_owned),
        year: None,
        ids: Vec::new(),
    };
    Ok(Some(Item { kind: ItemKind::Episode(episode), ..show.clone() }))
}
