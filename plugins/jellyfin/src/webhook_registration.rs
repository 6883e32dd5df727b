//! The configuration of the Webhook plugin: its Generic destinations.

use playrelay_mediabrowser::{Flavor, webhook_registration};
use playrelay_sdk::host::types::Failure;
use playrelay_sdk::http::{self, Response};
use serde_json::{Value, json};

/// The plugin's id.
const PLUGIN: &str = "71552A5A5C5C4350A2AEEBE451A30173";

/// Whether a destination that is switched on has the address.
pub fn is_registered(url: &str) -> Result<bool, Failure> {
    let configuration = read()?;
    Ok(destinations(&configuration)
        .iter()
        .any(|it| it["WebhookUri"] == url && it["EnableWebhook"] != json!(false)))
}

/// Adds a destination, in place of one with another address.
pub fn register(url: &str, replaces: Option<&str>) -> Result<(), Failure> {
    let mut configuration = read()?;
    let is_ours = |it: &Value| it["WebhookUri"] == url || replaces.is_some_and(|old| it["WebhookUri"] == old);
    let (ours, mut kept): (Vec<Value>, Vec<Value>) =
        destinations(&configuration).into_iter().partition(is_ours);
    // Whatever else its owner has set stays.
    let mut entry = ours.into_iter().next().unwrap_or_else(|| {
        json!({
            "WebhookName": "Playrelay", "EnableMovies": true, "EnableEpisodes": true, "TrimWhitespace": false,
            "SkipEmptyMessageBody": true, "Template": "", "UserFilter": [], "Headers": [], "Fields": [],
        })
    });
    entry["WebhookUri"] = json!(url);
    entry["EnableWebhook"] = json!(true);
    entry["SendAllProperties"] = json!(true);
    entry["NotificationTypes"] =
        json!(["PlaybackStart", "PlaybackProgress", "PlaybackStop", "UserDataSaved"]);
    kept.push(entry);
    configuration["GenericOptions"] = Value::from(kept);
    write(&configuration)
}

/// Takes the destination off.
pub fn remove(url: &str) -> Result<(), Failure> {
    let mut configuration = read()?;
    let mut kept = destinations(&configuration);
    kept.retain(|it| it["WebhookUri"] != url);
    configuration["GenericOptions"] = Value::from(kept);
    write(&configuration)
}

fn destinations(configuration: &Value) -> Vec<Value> {
    configuration["GenericOptions"].as_array().cloned().unwrap_or_default()
}

fn address() -> Result<String, Failure> {
    Ok(format!("{}/Plugins/{PLUGIN}/Configuration", Flavor::Jellyfin.api()?))
}

fn read() -> Result<Value, Failure> {
    expect(http::get(&address()?, http::ACCEPT_JSON)?)?.json()
}

fn write(configuration: &Value) -> Result<(), Failure> {
    if http::is_redacted(&configuration.to_string()) {
        let text = "another destination of the Webhook plugin has this account's key in it; add ours by hand";
        return Err(Failure::Rejected(text.to_owned()));
    }
    expect(http::post_json(&address()?, &[], configuration)?).map(|_| ())
}

fn expect(answer: Response) -> Result<Response, Failure> {
    webhook_registration::expect(
        answer,
        "the server has no Webhook plugin; install it from the catalogue first",
    )
}
