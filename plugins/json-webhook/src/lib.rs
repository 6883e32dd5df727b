//! A notification as JSON, to an address of the user's choice.

use playrelay_sdk::capability;
use playrelay_sdk::capability::notify::{Notification, Urgency};
use playrelay_sdk::host::settings;
use playrelay_sdk::host::types::Failure;
use playrelay_sdk::notify;
use serde::Serialize;

/// The plugin.
struct JsonWebhook;

/// The body. `docs/notifications.md` promises these keys.
#[derive(Serialize)]
struct Message<'a> {
    /// The same for each attempt.
    id: &'a str,
    /// The same for the message that begins something and the one that ends it.
    condition: &'a str,
    title: &'a str,
    text: &'a str,
    urgency: &'static str,
    link: Option<&'a str>,
    resolved: bool,
    at: &'a str,
}

impl capability::notify::Guest for JsonWebhook {
    fn send(notification: Notification) -> Result<(), Failure> {
        let message = Message {
            id: &notification.id,
            condition: &notification.condition,
            title: &notification.title,
            text: &notification.text,
            urgency: match notification.urgency {
                Urgency::Low => "low",
                Urgency::Normal => "normal",
                Urgency::High => "high",
            },
            link: notification.link.as_deref(),
            resolved: notification.resolved,
            at: &notification.at,
        };
        notify::post(&settings::get("url").unwrap_or_default(), &message, "the address")
    }
}

capability::notify::export_notify!(JsonWebhook with_types_in capability::notify);
