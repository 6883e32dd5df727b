//! Shows notifications by a service that takes JSON.

use serde_json::json;

wit_bindgen::generate!({ path: "wit", world: "plugin", generate_all });

use exports::playrelay::plugin::notify::{Guest, Notification, Urgency};
use playrelay::plugin::http::{self, Body, Error, Method, Request, Response};
use playrelay::plugin::settings;
use playrelay::plugin::types::{Failure, Field, RetryLater};

struct Plugin;

export!(Plugin);

impl Guest for Plugin {
    fn send(notification: Notification) -> Result<(), Failure> {
        let address = settings::get("url").unwrap_or_default();
        let message = json!({
            // The id is the same for each attempt: a service that keeps it shows nothing twice.
            "key": notification.id,
            "title": notification.title,
            "text": notification.text,
            "priority": match notification.urgency {
                Urgency::Low => 1,
                Urgency::Normal => 2,
                Urgency::High => 3,
            },
            "url": notification.link,
        });
        let response = http::send(&Request {
            method: Method::Post,
            url: format!("{}/messages", address.trim_end_matches('/')),
            headers: vec![Field { name: "content-type".to_owned(), value: "application/json".to_owned() }],
            body: Body::Text(message.to_string()),
            timeout_ms: None,
            captures: Vec::new(),
        });
        let response = response.map_err(|error| match error {
            Error::Denied(reason) => Failure::Blocked(reason),
            Error::Unreachable(reason) | Error::Interrupted(reason) => retry(None, reason),
            Error::TooLarge => retry(None, "the answer is too large".to_owned()),
            Error::TooManyRequests => retry(None, "too many requests in one call".to_owned()),
        })?;
        match response.status {
            200..=299 => Ok(()),
            401 => Err(Failure::Unauthorized("the service refuses the key".to_owned())),
            403 | 404 => {
                Err(Failure::Blocked(format!("the service answered {}: look at the settings", response.status)))
            }
            300..=399 | 408 | 425 | 429 | 500..=599 => {
                Err(retry(retry_after_ms(&response), format!("the service answered {}", response.status)))
            }
            status => Err(Failure::Rejected(format!("the service answered {status}"))),
        }
    }
}

/// How long the service asks to wait.
fn retry_after_ms(response: &Response) -> Option<u32> {
    let header = response.headers.iter().find(|header| header.name == "retry-after")?;
    header.value.parse::<u32>().ok()?.checked_mul(1_000)
}

fn retry(after_ms: Option<u32>, reason: String) -> Failure {
    Failure::Retry(RetryLater { after_ms, reason })
}
