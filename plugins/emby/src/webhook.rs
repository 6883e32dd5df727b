//! Webhooks: JSON in the form field `data` (4.7, and the default of 4.8), or as the body (4.9).

use playrelay_mediabrowser::item;
use playrelay_mediabrowser::session_dto::{self, player, user};
use playrelay_mediabrowser::values::{guid, ms};
use playrelay_sdk::capability::webhook::{ParseError, Report, Request};
use playrelay_sdk::host::reports::{Completion, Content, Marked, Playback, PlaybackState, Server};
use playrelay_sdk::host::types::Item;
use playrelay_sdk::json::{flag, text};
use playrelay_sdk::server::{event_time, ignored_report};
use playrelay_sdk::webhook;
use serde_json::Value;

/// Turns a webhook into its report.
pub fn parse(request: &Request) -> Result<Vec<Report>, ParseError> {
    let Some((text, what)) = webhook::text(request) else {
        let text = "the form has no field \u{201c}data\u{201d}, in which Emby sends its message";
        return Err(ParseError::Malformed(text.to_owned()));
    };
    if text.trim().is_empty() {
        // Before 4.9.0.37 the button "Test" sent nothing at all.
        let text =
            "the request is empty; the test of an old server looks like this, and nothing is wrong then";
        return Err(ParseError::Malformed(text.to_owned()));
    }
    let message = webhook::message(text, &what, |value| value["Event"].is_string())?;
    let Some(event) = message.value["Event"].as_str() else {
        return Err(ParseError::Unsupported("the message has no \u{201c}Event\u{201d}".to_owned()));
    };
    let report = report(event, &message.value, &request.received_at);
    Ok(message.with(vec![report]))
}

fn report(event: &str, message: &Value, received_at: &str) -> Report {
    let dto = &message["Item"];
    let info = &message["PlaybackInfo"];
    let state = match event {
        "playback.start" | "playback.unpause" | "playback.scrobble" => Some(PlaybackState::Playing),
        "playback.progress" if flag(&info["IsPaused"]) => Some(PlaybackState::Paused),
        "playback.progress" => Some(PlaybackState::Playing),
        "playback.pause" => Some(PlaybackState::Paused),
        "playback.stop" => Some(PlaybackState::Stopped),
        "item.markplayed" | "item.markunplayed" => None,
        // A heart or a thumb; Emby has no scores.
        "item.rate" => return ignored_report("favorite", "a like or a favourite is not a score"),
        _ => return ignored_report("event", event),
    };
    let kind = dto["Type"].as_str().unwrap_or("none");
    let Some(item) = item::item(dto, &message["Series"]) else { return ignored_report("media-type", kind) };
    match state {
        None if item::content(dto) != Content::OnDemand => ignored_report("media-type", kind),
        None => Report::Marked(Marked {
            server: server(message),
            user: user(message),
            item,
            watched: event == "item.markplayed",
            library: None,
            at: event_time(message["Date"].as_str(), received_at),
        }),
        Some(_) if matches!(kind, "Series" | "Season") => ignored_report("media-type", kind),
        Some(state) => Report::Playback(playback(event, message, item, state, received_at)),
    }
}

fn playback(event: &str, message: &Value, item: Item, state: PlaybackState, received_at: &str) -> Playback {
    let (dto, session, info) = (&message["Item"], &message["Session"], &message["PlaybackInfo"]);
    let completion = match event {
        "playback.scrobble" => Completion::Counted,
        // Said of a failed start of a file that was never measured as well: a claim, no proof.
        "playback.stop" if flag(&info["PlayedToCompletion"]) => Completion::Claimed,
        _ => Completion::None,
    };
    Playback {
        server: server(message),
        user: user(message),
        player: player(session),
        session: guid(&session["Id"]),
        content: item::content(dto),
        paths: text(&dto["Path"]).into_iter().collect(),
        credits_start_ms: item::credits(dto),
        item,
        state,
        // The session's own play state is already that of the next item when an autoplay stops the last one.
        position_ms: ms(&info["PositionTicks"]),
        completion,
        library: None,
        at: event_time(message["Date"].as_str(), received_at),
        ext: Vec::new(),
    }
}

/// Messages of some events carry no server of their own.
fn server(message: &Value) -> Server {
    let told = session_dto::server(message);
    Server { id: told.id.or_else(|| guid(&message["Item"]["ServerId"])), ..told }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str) -> Request {
        webhook::request(Some("data"), text)
    }

    fn read(name: &str) -> String {
        let path = format!("{}/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn messages_become_reports() {
        for name in [
            "episode-pause-credits",
            "movie-stop-completed",
            "season-mark-unplayed",
            "recording",
            "rate-favorite",
        ] {
            insta::assert_debug_snapshot!(name, parse(&request(&read(name))));
        }
    }

    #[test]
    fn a_body_says_the_same_as_a_form() {
        let text = read("episode-pause-credits");
        let mut bare = request("");
        bare.form.clear();
        bare.body.clone_from(&text);
        assert_eq!(parse(&bare), parse(&request(&text)));
    }

    #[test]
    fn what_is_no_message_says_why() {
        for (body, words) in
            [("", "is empty"), ("{\"Event\":", "not JSON"), ("{}", "no \u{201c}Event\u{201d}"), ("[]", "no")]
        {
            let error = webhook::reason(parse(&request(body)).unwrap_err());
            assert!(error.contains(words), "{body}: {error}");
        }
    }
}
