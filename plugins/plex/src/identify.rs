//! Finds the user of a playback among the server's sessions (`/status/sessions`, for which the token must be the owner's).

use playrelay_sdk::capability::identify::Observation;
use playrelay_sdk::host::reports::User;
use playrelay_sdk::host::types::Failure;
use playrelay_sdk::json::text;

use crate::api;

/// Says whose a message is: the one user who plays the item, on the player where that is known.
pub fn identify_user(observation: &Observation) -> Result<User, Failure> {
    let rejected = |reason: &str| Failure::Rejected(reason.to_owned());
    let sessions = api::get("/status/sessions")?;
    let mut found: Vec<User> = Vec::new();
    for session in sessions["Metadata"].as_array().into_iter().flatten() {
        let user = User { id: text(&session["User"]["id"]), name: text(&session["User"]["title"]) };
        let on_player = observation.player.id.is_none()
            || observation.player.id == text(&session["Player"]["machineIdentifier"]);
        let is_meant = match &observation.user.id {
            Some(id) => user.id.as_ref() == Some(id),
            None => on_player && text(&session["ratingKey"]) == observation.item.server_ref,
        };
        if is_meant && user.id.is_some() && !found.contains(&user) {
            found.push(user);
        }
    }
    match (found.pop(), found.is_empty()) {
        (Some(user), true) => Ok(user),
        (Some(_), false) => Err(rejected("several users of the server come into question")),
        (None, _) => Err(rejected("no session of the server plays it")),
    }
}
