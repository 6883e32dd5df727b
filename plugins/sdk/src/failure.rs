//! Failures, and what the common ones of HTTP mean.

use serde_json::Value;

use crate::host::http::Error;
use crate::host::types::{Failure, RetryLater};
use crate::response::Response;

/// Worth another try, by the host's own back-off.
pub fn retry(reason: impl Into<String>) -> Failure {
    Failure::Retry(RetryLater { after_ms: None, reason: reason.into() })
}

/// The failure of a request without an answer.
pub fn from_http_error(error: Error) -> Failure {
    match error {
        Error::Denied(reason) => Failure::Blocked(reason),
        Error::Unreachable(reason) | Error::Interrupted(reason) => retry(reason),
        Error::TooLarge => Failure::Rejected("the answer is too large".to_owned()),
        Error::TooManyRequests => {
            Failure::Rejected("the event needs more requests than a call may send".to_owned())
        }
    }
}

/// A failure in words.
pub fn reason(failure: &Failure) -> &str {
    match failure {
        Failure::Retry(later) => &later.reason,
        Failure::Quota(quota) => &quota.reason,
        Failure::Unauthorized(reason) | Failure::Blocked(reason) | Failure::Rejected(reason) => reason,
    }
}

/// The failure of a status without a meaning of its own. `who` names the service.
pub fn from_status(response: &Response, who: &str) -> Failure {
    let rejected = || Failure::Rejected(answered(response, who));
    from_overload(response, who).unwrap_or_else(rejected)
}

/// The failure of a status that says nothing about the request itself: the service is busy, broken, or not where it was; or something
/// in between answers in its place. `who` names it.
pub fn from_overload(response: &Response, who: &str) -> Option<Failure> {
    match response.status {
        408 | 425 | 429 | 500..=599 => Some(Failure::Retry(RetryLater {
            after_ms: response.retry_after_ms(),
            reason: answered(response, who),
        })),
        status @ 300..=399 => Some(retry(match response.header("location").and_then(place) {
            Some(place) => {
                format!("{who} answered {status}: it is at {place} now; check the address in the settings")
            }
            None => format!("{who} answered {status}, and does not say where it is now"),
        })),
        _ => of_page(response, who),
    }
}

/// The failure of a refusal with a page for people: a gateway sends one, and no service with an API.
pub fn of_page(response: &Response, who: &str) -> Option<Failure> {
    let status = response.status;
    // Of what is not found, pages are written too.
    if !is_page(response) || !(400..500).contains(&status) || status == 404 {
        return None;
    }
    Some(match status {
        401 | 403 | 407 | 451 => Failure::Blocked(format!(
            "the gateway in front of {who} blocks this address or this program ({status}, a page and no JSON)"
        )),
        _ => retry(format!("something in front of {who} answered {status} with a page and no JSON")),
    })
}

/// Whether an answer is a page of HTML.
fn is_page(response: &Response) -> bool {
    let is_declared = response.header("content-type").is_some_and(|kind| kind.contains("html"));
    is_declared || response.text().trim_start().starts_with('<')
}

/// A status with the service's own words, where there are any: "Trakt answered 422: Validation error".
pub fn answered(response: &Response, who: &str) -> String {
    match words(response) {
        Some(words) => format!("{who} answered {}: {words}", response.status),
        None => format!("{who} answered {}", response.status),
    }
}

/// The reason in a service's own words, cleaned and cut; absent if it gives none, or sends a page.
pub fn words(response: &Response) -> Option<String> {
    if is_page(response) {
        return None;
    }
    let said = match serde_json::from_str::<Value>(response.text()) {
        Ok(body) => of_body(&body),
        Err(_) => Some(response.text().to_owned()),
    };
    said.map(|said| cut(&said)).filter(|said| !said.is_empty())
}

/// The words of an error in JSON, by the names that services use for them, with the fields that are meant.
fn of_body(body: &Value) -> Option<String> {
    const NAMES: [&str; 5] = ["message", "error_description", "error", "detail", "status_message"];
    let text = |value: &Value| value.as_str().map(str::to_owned).filter(|text| !text.trim().is_empty());
    let named = |value: &Value| NAMES.iter().find_map(|name| text(&value[*name]));
    let of_field =
        |value: &Value| match (text(&value["path"]).or_else(|| text(&value["field"])), named(value)) {
            (Some(field), Some(words)) => Some(format!("{field}: {words}")),
            (field, words) => words.or(field).or_else(|| text(value)),
        };
    let fields = body["errors"].as_array().into_iter().flatten().filter_map(of_field).take(3);
    // Texts by field: `{"error": {"progress": ["This field is required."]}}`.
    let by_name = body["error"].as_object().into_iter().flatten();
    let by_name = by_name.map(|(field, words)| {
        format!("{field}: {}", text(&words[0]).or_else(|| text(words)).unwrap_or_default())
    });
    let all: Vec<String> = named(body).into_iter().chain(fields).chain(by_name.take(3)).collect();
    (!all.is_empty()).then(|| all.join("; ")).or_else(|| text(body))
}

/// Text in one line, without what is no letter, and not endless.
fn cut(text: &str) -> String {
    /// Letters.
    const MAX_REASON_LEN: usize = 200;
    let plain: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let words: Vec<&str> = plain.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(MAX_REASON_LEN) {
        Some((end, _)) => format!("{}\u{2026}", &line[..end]),
        None => line,
    }
}

/// A place without its query, which may hold secrets.
fn place(location: &str) -> Option<String> {
    let place = location.split(['?', '#']).next().map(cut)?;
    (!place.is_empty() && !place.contains('@')).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, kind: &str, body: &str) -> Response {
        Response::of(status, &[("content-type", kind)], body)
    }

    #[test]
    fn a_service_is_quoted() {
        for (body, quoted) in [
            (
                r#"{"message":"Validation error","errors":[{"path":"movie.ids.tmdb","message":"Expected number"}]}"#,
                Some("Validation error; movie.ids.tmdb: Expected number"),
            ),
            (r#"{"error":"invalid_client","error_description":"no such app"}"#, Some("no such app")),
            (
                r#"{"error":{"progress":["This field is required."]}}"#,
                Some("progress: This field is required."),
            ),
            (r#"{"error":"empty_field","code":400,"message":"Empty \n\n field\u0007"}"#, Some("Empty field")),
            (r#""out of luck""#, Some("out of luck")),
            ("error code: 1010", Some("error code: 1010")),
            ("", None),
            ("{}", None),
            ("[]", None),
            ("<html>", None),
        ] {
            assert_eq!(words(&answer(422, "", body)).as_deref(), quoted, "{body}");
        }
        let long = words(&answer(422, "text/plain", &"x".repeat(10_000))).unwrap();
        assert_eq!(long.chars().count(), 201);
    }

    #[test]
    fn what_is_no_word_of_the_service_kills_nothing() {
        let page = "<!DOCTYPE html><title>Attention Required!</title>";
        assert!(
            matches!(from_status(&answer(403, "text/html", page), "X"), Failure::Blocked(text) if text.contains("gateway"))
        );
        for status in [301, 302, 308, 400, 405, 413, 429, 500, 503, 520] {
            let failure = from_status(&answer(status, "text/html", page), "X");
            assert!(matches!(failure, Failure::Retry(_)), "{status}: {failure:?}");
        }
        let moved = Response::of(301, &[("location", "https://other.example/api?token=x")], "");
        let Failure::Retry(later) = from_status(&moved, "X") else { panic!("it may come back") };
        assert_eq!(
            later.reason,
            "X answered 301: it is at https://other.example/api now; check the address in the settings"
        );
        assert!(matches!(from_status(&answer(422, "application/json", "{}"), "X"), Failure::Rejected(_)));
    }
}
