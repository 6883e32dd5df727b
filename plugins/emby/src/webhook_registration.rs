//! Notifications of type Webhooks, as watchstate enters them (4.8 and later): each belongs to a user.

use playrelay_mediabrowser::{Flavor, identify, webhook_registration};
use playrelay_sdk::host::types::Failure;
use playrelay_sdk::http::{self, Method, Response};
use playrelay_sdk::json::{flag, text};
use playrelay_sdk::server;
use serde_json::{Value, json};

/// The notifier's key and its plugin.
const NOTIFIER: &str = "webhooknotifications";
const PLUGIN: &str = "85a7b1d4-fbda-4e85-a0a2-ac303c9946a4";
const EVENTS: [&str; 6] = [
    "playback.start",
    "playback.pause",
    "playback.unpause",
    "playback.stop",
    "item.markplayed",
    "item.markunplayed",
];

/// Whether a notification has the address.
pub fn is_registered(url: &str) -> Result<bool, Failure> {
    Ok(list(&address()?)?.iter().any(|it| it["Options"]["Url"] == url && it["Enabled"] != json!(false)))
}

/// Adds a notification, or changes the one that it replaces.
pub fn register(url: &str, replaces: Option<&str>) -> Result<(), Failure> {
    let address = address()?;
    let known = list(&address)?;
    let with = |url: &str| known.iter().find(|it| it["Options"]["Url"] == url);
    let (own, replaced) = (with(url), replaces.and_then(with));
    let mut entry = own.or(replaced).cloned().unwrap_or_else(|| {
        json!({
            "NotifierKey": NOTIFIER, "PluginId": PLUGIN, "FriendlyName": "Playrelay", "EventIds": EVENTS, "Enabled": true,
            "UserIds": [], "LibraryIds": [], "Options": { "EnableMultipartFormData": "false" },
        })
    });
    entry["Options"]["Url"] = json!(url);
    entry["EventIds"] = json!(EVENTS);
    entry["Enabled"] = json!(true);
    expect(http::post_json(&address, &[], &entry)?)?;
    match (own, replaces) {
        // Both were there.
        (Some(_), Some(replaces)) if replaces != url => remove(replaces),
        _ => Ok(()),
    }
}

/// Removes the notification, as the server's own pages do.
pub fn remove(url: &str) -> Result<(), Failure> {
    let address = address()?;
    for entry in list(&address)?.iter().filter(|it| it["Options"]["Url"] == url) {
        let id = text(&entry["Id"]).filter(|id| server::is_id(id)).ok_or_else(manual_instructions)?;
        let answer = http::send_empty(Method::Delete, &format!("{address}&Id={id}"), &[])?;
        match answer.status {
            // What no version documents may be missing in some.
            404 | 405 => return Err(manual_instructions()),
            _ => expect(answer)?,
        };
    }
    Ok(())
}

fn manual_instructions() -> Failure {
    Failure::Rejected(
        "the server does not remove it: remove \u{201c}Playrelay\u{201d} in its settings, Notifications"
            .to_owned(),
    )
}

/// The notifications of the first administrator: a notification that is limited to no user tells of all.
fn address() -> Result<String, Failure> {
    let api = Flavor::Emby.api()?;
    let users = identify::users(Flavor::Emby, &api)?;
    let is_administrator = |user: &&Value| flag(&user["Policy"]["IsAdministrator"]);
    let user = users.iter().find(is_administrator).or(users.first()).and_then(|user| text(&user["Id"]));
    let user = user.filter(|id| server::is_id(id));
    let user = user.ok_or_else(|| Failure::Rejected("the server names no user".to_owned()))?;
    Ok(format!("{api}/Notifications/Services/Configured?UserId={user}"))
}

fn list(address: &str) -> Result<Vec<Value>, Failure> {
    let answer: Value = expect(http::get(address, http::ACCEPT_JSON)?)?.json()?;
    Ok(answer.as_array().cloned().unwrap_or_default())
}

fn expect(answer: Response) -> Result<Response, Failure> {
    webhook_registration::expect(answer, "the server is older than 4.8, and has no notifications by user")
}
