//! Webhooks as a Plex server sends them: a multipart form with JSON in `payload`, and a poster with some events.

use serde_json::{Value, json};

/// The server's identifier.
pub const SERVER_ID: &str = "4b87b0f5ee15c68369e4257697e658810bbfe062";

/// The boundary, as curl makes it; Plex uses curl's forms.
pub const BOUNDARY: &str = "------------------------j4fqHSAc9FtAnWDn0DyJIL";

/// A movie in the library.
pub fn movie(key: &str, title: &str, year: u16, runtime_ms: u32, guids: &[&str]) -> Value {
    json!({
        "librarySectionType": "movie", "ratingKey": key, "key": format!("/library/metadata/{key}"),
        "guid": format!("plex://movie/{key}"), "type": "movie", "title": title, "year": year,
        "librarySectionTitle": "Movies", "librarySectionID": 1, "duration": runtime_ms, "Guid": list(guids),
    })
}

/// An episode in the library; `guids` are the episode's own.
pub fn episode(key: &str, show: &str, season: u32, number: u32, runtime_ms: u32, guids: &[&str]) -> Value {
    json!({
        "librarySectionType": "show", "ratingKey": key, "key": format!("/library/metadata/{key}"),
        "grandparentRatingKey": format!("{key}0"), "guid": format!("plex://episode/{key}"), "type": "episode",
        "title": format!("Episode {number}"), "grandparentTitle": show, "parentIndex": season, "index": number,
        "librarySectionTitle": "Shows", "librarySectionID": 2, "duration": runtime_ms, "Guid": list(guids),
    })
}

fn list(guids: &[&str]) -> Value {
    guids.iter().map(|guid| json!({ "id": guid })).collect()
}

/// An event of an item, by a user on a player.
pub fn event(event: &str, item: &Value, position_ms: Option<u32>, user: (u32, &str), player: &str) -> Value {
    let mut metadata = item.clone();
    if let Some(position) = position_ms {
        metadata["viewOffset"] = json!(position);
    }
    json!({
        "event": event, "user": true, "owner": true,
        "Account": { "id": user.0, "title": user.1, "thumb": "https://plex.tv/users/0/avatar" },
        "Server": { "title": "Media-Server", "uuid": SERVER_ID },
        "Player": { "local": true, "publicAddress": "203.0.113.7", "title": player, "uuid": format!("player-{player}") },
        "Metadata": metadata,
    })
}

/// The body of a request: the message, and a poster of `thumb` bytes where it is not 0.
pub fn multipart(message: &Value, thumb: usize) -> Vec<u8> {
    let mut body = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"payload\"\r\nContent-Type: application/json\r\n\r\n{message}\r\n"
    )
    .into_bytes();
    if thumb > 0 {
        body.extend_from_slice(
            format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"thumb\"; filename=\"thumb.jpg\"\r\n\
                 Content-Type: image/jpeg\r\n\r\n"
            )
            .as_bytes(),
        );
        body.extend((0..thumb).map(|index| (index % 251) as u8));
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}
