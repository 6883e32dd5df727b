//! Finds the user of a playback among the server's sessions.

use playrelay_sdk::capability::identify::Observation;
use playrelay_sdk::host::reports::User;
use playrelay_sdk::host::types::Failure;
use playrelay_sdk::json::text;
use playrelay_sdk::{failure, server};
use serde_json::Value;

use crate::Flavor;
use crate::values::{guid, text as words};

/// All users of the server, as far as the token may see them. Emby documents `/Users/Query` only.
pub fn users(family: Flavor, api: &str) -> Result<Vec<Value>, Failure> {
    let answer = match family {
        Flavor::Jellyfin => server::get(&format!("{api}/Users"))?,
        Flavor::Emby => server::get(&format!("{api}/Users/Query"))?["Items"].take(),
    };
    match answer {
        Value::Array(users) => Ok(users),
        _ => Err(failure::retry("the users are no list".to_owned())),
    }
}

/// Says whose a message is.
pub fn identify_user(family: Flavor, observation: &Observation) -> Result<User, Failure> {
    let api = family.api()?;
    if let Some(id) = observation.user.id.as_deref().filter(|id| server::is_id(id)) {
        let found = server::get(&format!("{api}/Users/{id}"))?;
        return Ok(User { id: Some(id.to_owned()), name: words(&found["Name"]) });
    }
    let sessions = server::get(&format!("{api}/Sessions"))?;
    let sessions: Vec<&Value> = sessions.as_array().into_iter().flatten().collect();
    let plays_it = |session: &&&Value| {
        observation.item.server_ref.is_some()
            && guid(&session["NowPlayingItem"]["Id"]) == observation.item.server_ref
    };
    let is_meant = |session: &&&Value| {
        let same = |mine: &Option<String>, theirs: Option<String>| mine.is_none() || *mine == theirs;
        same(&observation.session, guid(&session["Id"]))
            && same(&observation.player.id, text(&session["DeviceId"]))
    };
    let says_where = observation.session.is_some() || observation.player.id.is_some();
    let playing: Vec<&Value> = sessions.iter().filter(plays_it).filter(is_meant).copied().collect();
    // At a stop the item is gone from its session, which still has its user.
    let meant = if playing.is_empty() && says_where {
        sessions.iter().filter(is_meant).copied().collect()
    } else {
        playing
    };
    only(meant.into_iter().filter_map(|session| {
        Some(User { id: Some(guid(&session["UserId"])?), name: words(&session["UserName"]) })
    }))
}

/// The one user, or why there is none.
fn only(users: impl Iterator<Item = User>) -> Result<User, Failure> {
    let mut found: Vec<User> = Vec::new();
    for user in users {
        if !found.iter().any(|known| known.id == user.id) {
            found.push(user);
        }
    }
    match (found.pop(), found.is_empty()) {
        (Some(user), true) => Ok(user),
        (Some(_), false) => {
            Err(Failure::Rejected("several users of the server come into question".to_owned()))
        }
        (None, _) => Err(Failure::Rejected("no session of the server plays it".to_owned())),
    }
}
