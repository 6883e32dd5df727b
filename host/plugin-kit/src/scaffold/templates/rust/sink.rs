//! Sends what was watched to a service that takes JSON.

use serde_json::{Value, json};

wit_bindgen::generate!({ path: "wit", world: "plugin", generate_all });

use exports::playrelay::plugin::sink::{Action, Event, Guest};
use playrelay::plugin::http::{self, Body, Error, Method, Request, Response};
use playrelay::plugin::settings;
use playrelay::plugin::types::{
    ExternalId, Failure, Field, ItemKind, Outcome, Receipt, RetryLater,
};

struct Plugin;

export!(Plugin);

impl Guest for Plugin {
    fn submit(event: Event) -> Result<Receipt, Failure> {
        let (Action::Watched(_), Some(title)) = (&event.action, title(&event.item.kind)) else {
            return Ok(receipt(Outcome::Unsupported, None));
        };
        let address = settings::get("url").unwrap_or_default();
        let response = http::send(&Request {
            method: Method::Post,
            url: format!("{}/plays", address.trim_end_matches('/')),
            headers: vec![Field { name: "content-type".to_owned(), value: "application/json".to_owned() }],
            // The id is the same for each attempt: a service that keeps it counts nothing twice.
            body: Body::Text(json!({ "key": event.id, "title": title, "watched_at": event.at }).to_string()),
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
            // A gateway or a portal answered in place of the service.
            _ if is_page(&response) => Err(retry(None, "a web page came in place of an answer".to_owned())),
            200..=299 => Ok(receipt(Outcome::Accepted, id(&response))),
            409 => Ok(receipt(Outcome::Duplicate, None)),
            401 => Err(Failure::Unauthorized("the service refuses the key".to_owned())),
            403 => Err(Failure::Blocked("the service forbids it".to_owned())),
            300..=399 | 408 | 425 | 429 | 500..=599 => {
                Err(retry(retry_after_ms(&response), format!("the service answered {}", response.status)))
            }
            status => Err(Failure::Rejected(format!("the service answered {status}"))),
        }
    }
}

fn title(kind: &ItemKind) -> Option<Value> {
    match kind {
        ItemKind::Movie(movie) => {
            Some(json!({ "movie": movie.title, "year": movie.year, "ids": ids(&movie.ids) }))
        }
        ItemKind::Episode(episode) => Some(json!({
            "show": episode.show.title, "ids": ids(&episode.show.ids),
            "season": episode.season, "episodes": episode.numbers,
        })),
        ItemKind::Season(_) | ItemKind::Show(_) => None,
    }
}

fn ids(ids: &[ExternalId]) -> Value {
    ids.iter().map(|id| (id.namespace.clone(), Value::from(id.value.clone()))).collect()
}

/// The service's own id of what it stored.
fn id(response: &Response) -> Option<String> {
    let Body::Text(text) = &response.body else { return None };
    let answer: Value = serde_json::from_str(text).ok()?;
    answer["id"].as_u64().map(|id| id.to_string())
}

fn is_page(response: &Response) -> bool {
    let header = response.headers.iter().find(|header| header.name == "content-type");
    header.is_some_and(|header| header.value.starts_with("text/html"))
}

/// How long the service asks to wait.
fn retry_after_ms(response: &Response) -> Option<u32> {
    let header = response.headers.iter().find(|header| header.name == "retry-after")?;
    header.value.parse::<u32>().ok()?.checked_mul(1_000)
}

fn retry(after_ms: Option<u32>, reason: String) -> Failure {
    Failure::Retry(RetryLater { after_ms, reason })
}

fn receipt(outcome: Outcome, remote_id: Option<String>) -> Receipt {
    Receipt { outcome, remote_id, matched: Vec::new(), note: None }
}
