//! Discord: notifications in a channel, by its webhook.
//!
//! Facts: docs.discord.com, Webhook Resource (Execute Webhook, Get Webhook with Token) and Message Resource (limits of embeds).

use playrelay_sdk::capability;
use playrelay_sdk::capability::check::AccountInfo;
use playrelay_sdk::capability::notify::{Notification, Urgency};
use playrelay_sdk::host::settings;
use playrelay_sdk::host::types::Failure;
use playrelay_sdk::{http, notify};
use serde::{Deserialize, Serialize};

/// The service, in messages for people.
const SERVICE: &str = "Discord";
/// The colours of the bar beside a message: as on the pages of Playrelay.
const RED: u32 = 0xD0_3B_3B;
const AMBER: u32 = 0xC7_8A_1B;
const GREEN: u32 = 0x2E_8B_57;

/// The plugin.
struct Discord;

/// The body of Execute Webhook.
#[derive(Serialize)]
struct Message<'a> {
    embeds: [Embed<'a>; 1],
    allowed_mentions: AllowedMentions,
}

#[derive(Serialize)]
struct Embed<'a> {
    title: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    color: u32,
    timestamp: &'a str,
}

/// Nobody is mentioned, whatever a name or a title says.
#[derive(Serialize)]
struct AllowedMentions {
    parse: [&'static str; 0],
}

/// The answer of Get Webhook with Token.
#[derive(Deserialize)]
struct Webhook {
    id: String,
    name: Option<String>,
}

/// The address of the webhook; the host puts the token in its place.
fn webhook() -> String {
    let id = settings::get("webhook_id").unwrap_or_default();
    http::join_setting("api_url", &format!("/api/v10/webhooks/{}/WEBHOOK-TOKEN", id.trim()))
}

impl capability::notify::Guest for Discord {
    fn send(notification: Notification) -> Result<(), Failure> {
        let color = match (notification.resolved, notification.urgency) {
            (true, _) | (false, Urgency::Low) => GREEN,
            (false, Urgency::Normal) => AMBER,
            (false, Urgency::High) => RED,
        };
        let embed = Embed {
            title: &notification.title,
            description: &notification.text,
            url: notification.link.as_deref(),
            color,
            timestamp: &notification.at,
        };
        let message = Message { embeds: [embed], allowed_mentions: AllowedMentions { parse: [] } };
        notify::post(&webhook(), &message, SERVICE)
    }
}

impl capability::check::Guest for Discord {
    fn account() -> Result<AccountInfo, Failure> {
        let response = http::get(&webhook(), http::ACCEPT_JSON)?;
        notify::judge(&response, SERVICE)?;
        let Webhook { id, name } = response.json()?;
        Ok(AccountInfo {
            name: name.unwrap_or_else(|| "a webhook without a name".to_owned()),
            id: Some(id),
            details: Vec::new(),
        })
    }
}

capability::notify::export_notify!(Discord with_types_in capability::notify);
capability::check::export_check!(Discord with_types_in capability::check);
