//! The frames that are sent. The id of a request says what its answer is about: `players`, `item:1`.

use serde_json::{Value, json};

/// Asks for the name of the profile.
pub fn profile() -> String {
    request("profile", "Profiles.GetCurrentProfile", json!({ "properties": [] })).to_string()
}

/// Asks what plays.
pub fn players() -> String {
    request("players", "Player.GetActivePlayers", json!({})).to_string()
}

/// Asks what a player plays, and where it is.
pub fn playback(player: u64) -> String {
    let item = [
        "title",
        "originaltitle",
        "year",
        "showtitle",
        "season",
        "episode",
        "uniqueid",
        "tvshowid",
        "file",
        "runtime",
    ];
    let properties = ["speed", "time", "totaltime", "live"];
    let of = |properties: &[&str]| json!({ "playerid": player, "properties": properties });
    Value::from(vec![
        request(&format!("item:{player}"), "Player.GetItem", of(&item)),
        request(&format!("properties:{player}"), "Player.GetProperties", of(&properties)),
    ])
    .to_string()
}

/// Asks for the ids of a show: an episode has its own.
pub fn show(show: u64) -> String {
    let parameters = json!({ "tvshowid": show, "properties": ["uniqueid", "year", "originaltitle"] });
    request(&format!("show:{show}"), "VideoLibrary.GetTVShowDetails", parameters).to_string()
}

fn request(id: &str, method: &str, parameters: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": parameters })
}
