//! Apprise: notifications by a server that passes them on to many services.
//!
//! Facts: the README of caronc/apprise-api, Persistent (Stateful) Storage Solution.

use playrelay_sdk::capability;
use playrelay_sdk::capability::notify::{Notification, Urgency};
use playrelay_sdk::host::settings;
use playrelay_sdk::host::types::Failure;
use playrelay_sdk::{http, notify};
use serde::Serialize;

/// The service, in messages for people.
const SERVICE: &str = "Apprise";
/// The server knows no configuration of this key.
const NO_CONFIGURATION: u16 = 204;
/// At least one of the services behind did not take it.
const NOT_ALL_SENT: u16 = 424;

/// The plugin.
struct Apprise;

/// The body of `POST /notify/{key}`.
#[derive(Serialize)]
struct Message<'a> {
    title: &'a str,
    body: &'a str,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
}

impl capability::notify::Guest for Apprise {
    fn send(notification: Notification) -> Result<(), Failure> {
        let text = notify::text_or_title(&notification);
        let body = match &notification.link {
            Some(link) => format!("{text}\n{link}"),
            None => text.to_owned(),
        };
        let message = Message {
            title: &notification.title,
            body: &body,
            r#type: match (notification.resolved, notification.urgency) {
                (true, _) => "success",
                (false, Urgency::Low) => "info",
                (false, Urgency::Normal) => "warning",
                (false, Urgency::High) => "failure",
            },
            tag: settings::get("tag").filter(|tag| !tag.trim().is_empty()),
        };
        let url = http::join_setting("url", "/notify/CONFIG-KEY");
        let response = http::post_json(&url, http::ACCEPT_JSON, &message)?;
        match response.status {
            NO_CONFIGURATION => Err(Failure::Blocked(
                "Apprise knows no configuration of this key; look at the key in the settings".to_owned(),
            )),
            // To try again would reach the other services once more.
            NOT_ALL_SENT => Err(Failure::Rejected(
                "Apprise did not reach all services of this configuration (424)".to_owned(),
            )),
            _ => notify::judge(&response, SERVICE),
        }
    }
}

capability::notify::export_notify!(Apprise with_types_in capability::notify);
