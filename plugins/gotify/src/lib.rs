//! Gotify: notifications by a server of one's own.
//!
//! Facts: gotify.net/api-docs, and gotify.net/docs/msgextras for what a click opens.

use playrelay_sdk::capability;
use playrelay_sdk::capability::check::AccountInfo;
use playrelay_sdk::capability::notify::{Notification, Urgency};
use playrelay_sdk::host::types::Failure;
use playrelay_sdk::{http, notify};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The service, in messages for people.
const SERVICE: &str = "Gotify";

/// The plugin.
struct Gotify;

/// The body of `POST /message`.
#[derive(Serialize)]
struct Message<'a> {
    title: &'a str,
    message: &'a str,
    /// 0 to 10; from 8 on a phone makes a sound at once.
    priority: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    extras: Option<Value>,
}

/// The answer of `GET /version`.
#[derive(Deserialize)]
struct Version {
    version: String,
}

impl capability::notify::Guest for Gotify {
    fn send(notification: Notification) -> Result<(), Failure> {
        let message = Message {
            title: &notification.title,
            // The server refuses a message without text.
            message: notify::text_or_title(&notification),
            priority: match notification.urgency {
                Urgency::Low => 2,
                Urgency::Normal => 5,
                Urgency::High => 8,
            },
            extras: notification
                .link
                .as_ref()
                .map(|link| json!({ "client::notification": { "click": { "url": link } } })),
        };
        notify::post(&http::join_setting("url", "/message"), &message, SERVICE)
    }
}

impl capability::check::Guest for Gotify {
    /// The token of an application may send and do nothing else, so that only the server shows.
    fn account() -> Result<AccountInfo, Failure> {
        let response = http::get(&http::join_setting("url", "/version"), http::ACCEPT_JSON)?;
        notify::judge(&response, SERVICE)?;
        let Version { version } = response.json()?;
        Ok(AccountInfo { name: format!("{SERVICE} {version}"), id: None, details: Vec::new() })
    }
}

capability::notify::export_notify!(Gotify with_types_in capability::notify);
capability::check::export_check!(Gotify with_types_in capability::check);
