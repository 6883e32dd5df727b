//! Webhooks: a form field `payload` with JSON, and a poster that the host leaves out.

use playrelay_sdk::capability::webhook::{ParseError, Report, Request};
use playrelay_sdk::host::reports::{Completion, Playback, PlaybackState, Player, Rated, Server, User};
use playrelay_sdk::host::types::{Field, Item};
use playrelay_sdk::json::{number, text, whole};
use playrelay_sdk::server::ignored_report;
use playrelay_sdk::webhook;
use serde_json::Value;

use crate::metadata;

/// The assumed length of an item without one. Milliseconds.
const LONG_FILM: u32 = 3 * 60 * 60 * 1000;
/// A server's clock may differ from ours by this much. Seconds.
const CLOCK_TOLERANCE: i64 = 300;

/// Turns a webhook into its report.
pub fn parse(request: &Request) -> Result<Vec<Report>, ParseError> {
    let (text, what) = payload(request)?;
    let message = webhook::message(text, &what, |value| value["event"].is_string())?;
    let Some(event) = message.value["event"].as_str() else {
        return Err(ParseError::Unsupported("the payload has no \u{201c}event\u{201d}".to_owned()));
    };
    let report = report(event, &message.value, &request.received_at);
    Ok(message.with(vec![report]))
}

/// The JSON: in the form's field `payload`, or the whole body where a proxy has unpacked the form.
fn payload(request: &Request) -> Result<(&str, String), ParseError> {
    let is_form = !request.form.is_empty();
    // A list holds a message where a workflow tool has put it there, or else nothing of use.
    let is_json = |text: &str| {
        let text = text.trim_start_matches('\u{feff}').trim_start();
        let text = text.strip_prefix('[').map_or(text, str::trim_start);
        text.starts_with(['{', '"'])
    };
    webhook::text(request).filter(|(text, _)| is_form || is_json(text)).ok_or_else(|| {
        ParseError::Malformed(format!(
            "found neither a form field \u{201c}payload\u{201d} nor a JSON body in {}",
            if request.media_type.is_empty() {
                "a request without a content type"
            } else {
                &request.media_type
            }
        ))
    })
}

fn report(event: &str, message: &Value, received_at: &str) -> Report {
    let metadata = &message["Metadata"];
    let state = match event {
        "media.play" | "media.resume" | "media.scrobble" => Some(PlaybackState::Playing),
        "media.pause" => Some(PlaybackState::Paused),
        "media.stop" => Some(PlaybackState::Stopped),
        "media.rate" => None,
        _ => return ignored_report("event", event),
    };
    let kind = metadata["type"].as_str().unwrap_or("none");
    let Some(item) = metadata::item(metadata) else { return ignored_report("media-type", kind) };
    match state {
        None => Report::Rated(rated(message, item)),
        Some(_) if !matches!(kind, "movie" | "episode") => ignored_report("media-type", kind),
        Some(state) => Report::Playback(playback(message, item, state, event, received_at)),
    }
}

fn playback(message: &Value, item: Item, state: PlaybackState, event: &str, received_at: &str) -> Playback {
    let metadata = &message["Metadata"];
    let position_ms: Option<u32> = whole(&metadata["viewOffset"]);
    let completion = if event == "media.scrobble" {
        Completion::Counted
    } else if position_ms.is_none_or(|position| position == 0)
        && state == PlaybackState::Stopped
        && counted_just_now(&item, metadata, received_at)
    {
        Completion::Claimed
    } else {
        Completion::None
    };
    Playback {
        server: server(message),
        user: user(message),
        player: Player {
            id: text(&message["Player"]["uuid"]),
            name: text(&message["Player"]["title"]),
            product: text(&message["Player"]["product"]),
        },
        // A webhook names no session. The player and the item tell them apart.
        session: None,
        item,
        state,
        position_ms,
        completion,
        credits_start_ms: metadata::credits(metadata),
        content: metadata::content(metadata),
        library: text(&metadata["librarySectionTitle"]),
        paths: metadata::paths(metadata),
        at: None,
        ext: user_uuid(message).into_iter().chain(metadata::local_id(&message["Account"]["id"])).collect(),
    }
}

/// An account's second name, by which a filter may know it.
fn user_uuid(message: &Value) -> Option<Field> {
    text(&message["Account"]["uuid"]).map(|value| Field { name: "user-uuid".to_owned(), value })
}

/// A stop without an offset, of an item that was counted within the time that one play takes: the server has cleared
/// the offset because of that count. A count in the past says nothing about this play.
fn counted_just_now(item: &Item, metadata: &Value, received_at: &str) -> bool {
    let (Some(viewed), Some(now)) = (whole::<i64>(&metadata["lastViewedAt"]), unix_seconds(received_at))
    else {
        return false;
    };
    let runtime = item.runtime_ms.unwrap_or(LONG_FILM);
    let counted = whole::<u32>(&metadata["viewCount"]).is_some_and(|count| count > 0);
    let earliest = now - i64::from(runtime / 1000) - CLOCK_TOLERANCE;
    counted && (earliest..=now + CLOCK_TOLERANCE).contains(&viewed)
}

fn unix_seconds(instant: &str) -> Option<i64> {
    Some(instant.parse::<jiff::Timestamp>().ok()?.as_second())
}

fn rated(message: &Value, item: Item) -> Rated {
    // At the root, as servers send it; one that is there and empty takes the rating back.
    let rating = match message.get("rating") {
        Some(rating) => number(rating),
        None => number(&message["Metadata"]["userRating"]),
    };
    Rated {
        server: server(message),
        user: user(message),
        item,
        // 0 and -1 are how a rating is taken back.
        rating: rating.filter(|rating| *rating > 0.0),
        library: text(&message["Metadata"]["librarySectionTitle"]),
        at: None,
    }
}

fn server(message: &Value) -> Server {
    Server { id: text(&message["Server"]["uuid"]), name: text(&message["Server"]["title"]) }
}

fn user(message: &Value) -> User {
    User { id: text(&message["Account"]["id"]), name: text(&message["Account"]["title"]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str) -> Request {
        webhook::request(Some("payload"), text)
    }

    fn read(name: &str) -> String {
        let path = format!("{}/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn messages_become_reports() {
        for name in
            ["movie-resume", "episode-scrobble-legacy", "stop-counted-just-now", "live-tv", "rate-cleared"]
        {
            insta::assert_debug_snapshot!(name, parse(&request(&read(name))));
        }
    }

    #[test]
    fn a_count_in_the_past_is_no_claim() {
        let old = read("stop-counted-just-now").replace("1795291200", "1700000000");
        let reports = parse(&request(&old)).unwrap();
        let [Report::Playback(playback)] = reports.as_slice() else { panic!("one playback was expected") };
        assert_eq!(playback.completion, Completion::None);
    }

    #[test]
    fn what_is_no_message_says_why() {
        for (body, words) in [
            ("", "not JSON"),
            ("{\"event\":", "not JSON"),
            ("{}", "no \u{201c}event\u{201d}"),
            ("[]", "no \u{201c}event\u{201d}"),
        ] {
            let error = webhook::reason(parse(&request(body)).unwrap_err());
            assert!(error.contains(words), "{body}: {error}");
        }
        let mut bare = request("");
        bare.form.clear();
        assert!(webhook::reason(parse(&bare).unwrap_err()).contains("neither a form field"));
    }
}
