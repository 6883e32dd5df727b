//! Helpers for plugins of media servers.

use jiff::{SignedDuration, Timestamp};

use crate::failure;
use crate::host::reports::{Ignored, Report};
use crate::host::types::Failure;
use crate::host::{kv, settings};
use crate::http::{self, Response};

/// A server's clock is believed this far. Webhooks arrive within seconds, so beyond it is the clock that is wrong, and a play
/// whose last word seems minutes old would be taken for silent.
const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(30);

/// A message of no interest; the code is stable, the detail is the value that decided.
pub fn ignored_report(code: &str, detail: impl Into<String>) -> Report {
    Report::Ignored(Ignored { code: code.to_owned(), detail: detail.into() })
}

/// When something of a webhook happened, by the server's clock where that is near to ours.
pub fn event_time(at: Option<&str>, received_at: &str) -> Option<String> {
    let (at, received): (Timestamp, Timestamp) = (at?.trim().parse().ok()?, received_at.parse().ok()?);
    (at.duration_since(received).abs() <= MAX_CLOCK_SKEW).then(|| at.to_string())
}

/// An instant as servers write them.
pub fn parse_instant(text: &str) -> Option<Timestamp> {
    text.trim().parse().ok()
}

/// An instant of which the seconds since 1970 are known.
pub fn from_unix(seconds: i64) -> Option<String> {
    Some(Timestamp::from_second(seconds).ok()?.to_string())
}

/// Reads a year off the end of a title: "The Paper (2025)".
pub fn without_year(title: &str) -> (String, Option<u16>) {
    let year = title
        .strip_suffix(')')
        .and_then(|title| title.rsplit_once(" ("))
        .filter(|(title, year)| !title.trim().is_empty() && year.len() == 4)
        .and_then(|(title, year)| Some((title.to_owned(), Some(year.parse().ok()?))));
    year.unwrap_or_else(|| (title.to_owned(), None))
}

/// The edition that a file's name gives: `{edition-Director's Cut}`, as Plex, Radarr and others write it.
pub fn edition(path: &str) -> Option<&str> {
    let (_, rest) = path.split_once("{edition-")?;
    rest.split_once('}').map(|(edition, _)| edition.trim()).filter(|edition| !edition.is_empty())
}

/// Whether a text may stand in a path as the id of something.
pub fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// The cached value of a key. A failure of the store only costs a request.
pub fn cache_get(key: &str) -> Option<serde_json::Value> {
    serde_json::from_slice(&kv::get(key).ok()??).ok()
}

/// Keeps a value for a number of seconds, where the store takes it.
pub fn cache_put(key: &str, value: &serde_json::Value, seconds: u32) {
    if let Ok(bytes) = serde_json::to_vec(value) {
        // As above.
        let _ = kv::set(key, &bytes, Some(seconds));
    }
}

/// An answer of 200 as JSON; any other status as what it means of a look-up at a server.
pub fn json_or_failure(response: &Response) -> Result<serde_json::Value, Failure> {
    match response.status {
        200 => response.json(),
        401 | 403 => Err(Failure::Unauthorized("the server refused the token (`token`)".to_owned())),
        404 => Err(Failure::Rejected("the server no longer has this item".to_owned())),
        _ => Err(failure::from_status(response, "the server")),
    }
}

/// The server's address as it is set (`url`), without a slash at its end.
pub fn address() -> Result<String, Failure> {
    let address = settings::get("url")
        .ok_or_else(|| Failure::Rejected("no server address is set (`url`)".to_owned()))?;
    Ok(address.trim_end_matches('/').to_owned())
}

/// The JSON at an address of a server.
pub fn get(url: &str) -> Result<serde_json::Value, Failure> {
    json_or_failure(&http::get(url, http::ACCEPT_JSON)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_in_the_title_is_the_shows() {
        assert_eq!(without_year("The Paper (2025)"), ("The Paper".to_owned(), Some(2025)));
        for title in ["1883", "Space (1999", "Beyond (Extended)", "(2025)", " (2025)", ""] {
            assert_eq!(without_year(title), (title.to_owned(), None));
        }
    }

    #[test]
    fn a_clock_that_is_far_off_is_not_believed() {
        let received = "2026-11-21T20:11:00Z";
        assert_eq!(
            event_time(Some("2026-11-21T21:10:59.5000000+01:00"), received).unwrap(),
            "2026-11-21T20:10:59.5Z"
        );
        assert_eq!(event_time(Some("2023-01-04T06:36:12.853591Z"), received), None);
        assert_eq!((event_time(Some("soon"), received), event_time(None, received)), (None, None));
    }

    #[test]
    fn editions_stand_in_braces() {
        assert_eq!(edition("/m/Blade Runner (1982) {edition-Final Cut}/f.mkv"), Some("Final Cut"));
        assert_eq!(
            (edition("/m/{edition-}/f.mkv"), edition("/m/f.mkv"), edition("{edition-x")),
            (None, None, None)
        );
    }
}
