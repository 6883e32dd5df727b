//! Webhooks as Jellyfin's own Webhook plugin sends them with "Send All Properties": one flat dictionary.

use serde_json::{Value, json};

/// The server's id.
pub const SERVER_ID: &str = "0e7f44197df844fc4a503f7366b746ad";
/// Ticks in a millisecond.
const TICKS: u64 = 10_000;

/// A user: id and name.
pub type User = (&'static str, &'static str);

/// A movie in the library.
pub fn movie(id: &str, title: &str, year: u16, runtime_ms: u32, providers: &[(&str, &str)]) -> Value {
    let item = json!({
        "ItemId": id, "ItemType": "Movie", "Name": title, "Year": year, "Overview": "\u{2026}",
        "RunTimeTicks": u64::from(runtime_ms) * TICKS,
    });
    with_providers(item, providers)
}

/// An episode in the library; `year` is the series', the providers are the episode's own.
pub fn episode(
    id: &str,
    show: (&str, u16),
    season: u32,
    number: u32,
    runtime_ms: u32,
    providers: &[(&str, &str)],
) -> Value {
    let item = json!({
        "ItemId": id, "ItemType": "Episode", "Name": format!("Episode {number}"), "SeriesName": show.0,
        "Year": show.1, "SeriesId": format!("{:0>32}", show.1), "SeasonNumber": season, "EpisodeNumber": number,
        "SeasonNumber00": format!("{season:02}"), "EpisodeNumber00": format!("{number:02}"),
        "RunTimeTicks": u64::from(runtime_ms) * TICKS,
    });
    with_providers(item, providers)
}

fn with_providers(mut item: Value, providers: &[(&str, &str)]) -> Value {
    for (name, value) in providers {
        item[format!("Provider_{name}")] = json!(value);
    }
    item
}

/// A notification of an item, by a user on a device.
pub fn event(kind: &str, item: &Value, position_ms: Option<u32>, user: User, device: &str) -> Value {
    let mut message = item.clone();
    message["NotificationType"] = json!(kind);
    message["ServerId"] = json!(SERVER_ID);
    message["ServerName"] = json!("Attic");
    message["ServerVersion"] = json!("10.11.7");
    message["UserId"] = json!(user.0);
    message["NotificationUsername"] = json!(user.1);
    if kind != "UserDataSaved" {
        message["DeviceId"] = json!(format!("device-{device}"));
        message["DeviceName"] = json!(device);
        message["ClientName"] = json!("Jellyfin Web");
        message["Id"] = json!(format!("{:0<32}", device.len()));
        message["IsPaused"] = json!(false);
        message["IsAutomated"] = json!(false);
        message["PlaybackPositionTicks"] = json!(u64::from(position_ms.unwrap_or(0)) * TICKS);
    }
    message
}

/// What the server keeps of a user and an item was saved.
pub fn saved(reason: &str, item: &Value, played: bool, user: User) -> Value {
    let mut message = event("UserDataSaved", item, None, user, "");
    message["SaveReason"] = json!(reason);
    message["Played"] = json!(played);
    message["PlaybackPositionTicks"] = json!(0);
    message
}
