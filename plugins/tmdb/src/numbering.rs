//! Episodes by the numbers of other orders: TMDb's episode groups, and the days on which episodes were first shown.
//!
//! Facts: developer.themoviedb.org, `tv-series-episode-groups`, `tv-episode-group-details` and `tv-season-details`, 2026-06.

use playrelay_sdk::capability::numbering::Order;
use playrelay_sdk::host::types::{Episode, Failure, Item, ItemKind};
use playrelay_sdk::json::{text, whole};
use serde_json::Value;

use crate::{api, find};

/// Groups of one order that are looked into: editors make several.
const MAX_GROUPS: usize = 4;
/// Seasons that are looked into for a day.
const MAX_SEASONS: usize = 2;

/// An episode in TMDb's own order.
pub fn locate(item: &Item, order: Order) -> Result<Option<Item>, Failure> {
    let ItemKind::Episode(episode) = &item.kind else { return Ok(None) };
    let Some(show) = find::show_id(&episode.show)? else { return Ok(None) };
    let found = match order {
        Order::AirDate => match item.ext.iter().find(|field| field.name == "air-date") {
            Some(day) => on_day(show, &day.value)?,
            None => None,
        },
        order => in_groups(show, episode, order)?,
    };
    let Some(found) = found else { return Ok(None) };
    Ok(Some(Item { kind: ItemKind::Episode(located(episode, show, &found)?), ..item.clone() }))
}

/// The numbers that TMDb gives to the kinds of its groups.
fn group_type(order: Order) -> Option<u64> {
    match order {
        Order::Aired => Some(1),
        Order::Absolute => Some(2),
        Order::Dvd => Some(3),
        Order::Digital => Some(4),
        Order::StoryArc => Some(5),
        Order::Production => Some(6),
        Order::Broadcast => Some(7),
        Order::AirDate => None,
    }
}

/// The episodes of a file, in a group of an order; empty where not all are in one.
fn in_groups(show: u64, episode: &Episode, order: Order) -> Result<Option<Vec<Value>>, Failure> {
    let numbers = match (order, episode.absolute_number) {
        (Order::Absolute, Some(number)) => vec![number],
        _ => episode.numbers.clone(),
    };
    if numbers.is_empty() {
        return Ok(None);
    }
    let kind = group_type(order);
    let groups = api::get(&format!("/3/tv/{show}/episode_groups"))?.unwrap_or_default();
    let of_kind =
        groups["results"].as_array().into_iter().flatten().filter(|group| group["type"].as_u64() == kind);
    for group in of_kind.take(MAX_GROUPS) {
        let Some(id) = text(&group["id"]) else { continue };
        let Some(group) = api::get(&format!("/3/tv/episode_group/{id}"))? else { continue };
        let found: Option<Vec<Value>> =
            numbers.iter().map(|number| place(&group, order, episode.season, *number)).collect();
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// The episode in a place of a group. A part of a group is a season, the first one with order 1; one with order 0 holds the specials.
/// Counted through, regular episodes are those of all parts but the specials, one after the other.
fn place(group: &Value, order: Order, season: Option<u32>, number: u32) -> Option<Value> {
    let mut parts: Vec<&Value> = group["groups"].as_array()?.iter().collect();
    parts.sort_by_key(|part| part["order"].as_u64());
    let episodes = |part: &Value| {
        let mut episodes: Vec<Value> = part["episodes"].as_array().cloned().unwrap_or_default();
        episodes.sort_by_key(|episode| episode["order"].as_u64());
        episodes
    };
    let index = usize::try_from(number).ok()?.checked_sub(1)?;
    if matches!(order, Order::Absolute) {
        let is_regular = |part: &&&Value| parts.len() == 1 || part["order"].as_u64() != Some(0);
        return parts.iter().filter(is_regular).flat_map(|part| episodes(part)).nth(index);
    }
    let part = parts.iter().find(|part| part["order"].as_u64() == season.map(u64::from))?;
    episodes(part).into_iter().nth(index)
}

/// The one episode that was first shown on a day.
fn on_day(show: u64, day: &str) -> Result<Option<Vec<Value>>, Failure> {
    let Some(found) = api::get(&format!("/3/tv/{show}"))? else { return Ok(None) };
    let mut begun: Vec<(String, u64)> = found["seasons"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|season| Some((text(&season["air_date"])?, season["season_number"].as_u64()?)))
        .filter(|(begin, number)| begin.as_str() <= day && *number > 0)
        .collect();
    begun.sort();
    for (_, season) in begun.into_iter().rev().take(MAX_SEASONS) {
        let Some(season) = api::get(&format!("/3/tv/{show}/season/{season}"))? else { continue };
        let that_day = season["episodes"].as_array().into_iter().flatten();
        let mut that_day = that_day.filter(|episode| episode["air_date"].as_str() == Some(day));
        match (that_day.next(), that_day.next()) {
            (Some(only), None) => return Ok(Some(vec![only.clone()])),
            // Which of several it is, the day does not say.
            (Some(_), Some(_)) => return Ok(None),
            (None, _) => {}
        }
    }
    Ok(None)
}

fn located(episode: &Episode, show: u64, found: &[Value]) -> Result<Episode, Failure> {
    let season = found.first().and_then(|first| whole::<u32>(&first["season_number"]));
    let numbers = found.iter().filter_map(|found| whole::<u32>(&found["episode_number"])).collect::<Vec<_>>();
    let ids = match (season, numbers.first()) {
        (Some(season), Some(number)) => {
            api::get(&format!("/3/tv/{show}/season/{season}/episode/{number}/external_ids"))?
        }
        _ => None,
    };
    let mut located = episode.clone();
    located.title = located.title.or_else(|| found.first().and_then(|first| text(&first["name"])));
    located.ids = find::read_ids(&ids.unwrap_or_default());
    (located.season, located.numbers, located.absolute_number) = (season, numbers, None);
    Ok(located)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn places_of_groups_are_counted() {
        let episode = |order: u32, season: u32, number: u32| json!({ "order": order, "season_number": season, "episode_number": number });
        let group = json!({ "groups": [
            { "order": 2, "episodes": [episode(0, 1, 3)] },
            { "order": 1, "episodes": [episode(1, 1, 1), episode(0, 1, 2)] },
            { "order": 0, "episodes": [episode(0, 0, 1)] },
        ] });
        let at = |order, season, number| {
            let found = place(&group, order, season, number)?;
            Some((found["season_number"].as_u64()?, found["episode_number"].as_u64()?))
        };
        assert_eq!(at(Order::Dvd, Some(1), 1), Some((1, 2)));
        assert_eq!(at(Order::Dvd, Some(2), 1), Some((1, 3)));
        assert_eq!(at(Order::Dvd, Some(0), 1), Some((0, 1)));
        assert_eq!(at(Order::Dvd, Some(1), 3), None);
        assert_eq!(at(Order::Absolute, None, 3), Some((1, 3)));
        assert_eq!(at(Order::Absolute, Some(1), 4), None);
        assert_eq!(at(Order::Absolute, None, 0), None);
    }
}
