//! Webhooks as an Emby server sends them.

use serde_json::{Value, json};

use crate::jellyfin_webhook::User;

/// The server's id.
pub const SERVER_ID: &str = "b331a858360e4cbebd2b3d5a02fbabef";
/// Ticks in a millisecond.
const TICKS: u64 = 10_000;

/// A movie in the library.
pub fn movie(id: &str, title: &str, year: u16, runtime_ms: u32, providers: Value) -> Value {
    json!({
        "Id": id, "Type": "Movie", "Name": title, "ProductionYear": year, "ProviderIds": providers,
        "RunTimeTicks": u64::from(runtime_ms) * TICKS, "Path": format!("/media/films/{title}.mkv"),
    })
}

/// An episode in the library; the providers are the episode's own.
pub fn episode(id: &str, show: &str, season: u32, number: u32, runtime_ms: u32, providers: Value) -> Value {
    json!({
        "Id": id, "Type": "Episode", "Name": format!("Episode {number}"), "SeriesName": show, "SeriesId": "155",
        "ParentIndexNumber": season, "IndexNumber": number, "ProviderIds": providers,
        "RunTimeTicks": u64::from(runtime_ms) * TICKS, "Path": format!("/media/shows/{show}/{season}x{number}.mkv"),
    })
}

/// An event of an item, by a user on a device.
pub fn event(event: &str, item: &Value, position_ms: Option<u32>, user: User, device: &str) -> Value {
    let mut message = json!({
        "Title": format!("{} \u{2013} {event}", user.1), "Event": event,
        "User": { "Id": user.0, "Name": user.1 },
        "Server": { "Id": SERVER_ID, "Name": "Cellar", "Version": "4.9.3.0" },
        "Item": item,
    });
    if event.starts_with("playback.") {
        message["Session"] = json!({
            "Id": format!("{:0<32}", device.len()), "Client": "Emby Web", "DeviceName": device,
            "DeviceId": format!("device-{device}"), "ApplicationVersion": "4.9.3.0",
        });
        message["PlaybackInfo"] = json!({ "PlaylistIndex": 0, "PlaylistLength": 1 });
        if let Some(position) = position_ms {
            message["PlaybackInfo"]["PositionTicks"] = json!(u64::from(position) * TICKS);
        }
    }
    message
}
