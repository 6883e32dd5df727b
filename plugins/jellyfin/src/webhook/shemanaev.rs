//! The plugin Webhooks by shemanaev in its default format: the server's own DTOs, the series' among them.

use playrelay_mediabrowser::item;
use playrelay_mediabrowser::session_dto::{player, server, user};
use playrelay_mediabrowser::values::{guid, ms};
use playrelay_sdk::host::reports::{Completion, Content, Marked, Playback, PlaybackState, Rated, Report};
use playrelay_sdk::host::types::Item;
use playrelay_sdk::json::{flag, number, text};
use playrelay_sdk::server::ignored_report;
use serde_json::Value;

/// Turns a message into its report.
pub fn report(message: &Value) -> Report {
    let event = message["Event"].as_str().unwrap_or_default();
    let dto = &message["Item"];
    let kind = dto["Type"].as_str().unwrap_or("none");
    let known =
        ["Play", "Pause", "Resume", "Stop", "Scrobble", "Progress", "MarkPlayed", "MarkUnplayed", "Rate"];
    if !known.contains(&event) {
        return ignored_report("event", event);
    }
    let Some(item) = item::item(dto, &message["Series"]) else { return ignored_report("media-type", kind) };
    let is_mark = matches!(event, "MarkPlayed" | "MarkUnplayed");
    match event {
        _ if is_mark && item::content(dto) != Content::OnDemand => ignored_report("media-type", kind),
        "MarkPlayed" | "MarkUnplayed" => Report::Marked(Marked {
            server: server(message),
            user: user(message),
            item,
            watched: event == "MarkPlayed",
            library: None,
            at: None,
        }),
        "Rate" => match number(&dto["UserData"]["Rating"]) {
            Some(rating) => Report::Rated(Rated {
                server: server(message),
                user: user(message),
                item,
                rating: Some(rating).filter(|rating| *rating > 0.0),
                library: None,
                at: None,
            }),
            None => ignored_report("favorite", "a like or a favourite is not a score"),
        },
        _ if !matches!(kind, "Movie" | "Episode" | "Program" | "Recording") => {
            ignored_report("media-type", kind)
        }
        _ => Report::Playback(playback(message, item, event)),
    }
}

fn playback(message: &Value, item: Item, event: &str) -> Playback {
    let (dto, session) = (&message["Item"], &message["Session"]);
    let state = match event {
        "Stop" => PlaybackState::Stopped,
        "Pause" => PlaybackState::Paused,
        "Progress" if flag(&session["PlayState"]["IsPaused"]) => PlaybackState::Paused,
        _ => PlaybackState::Playing,
    };
    let live = ms(&session["PlayState"]["PositionTicks"]);
    let saved = ms(&dto["UserData"]["PlaybackPositionTicks"]);
    // At a stop the play state has been reset; what was saved stands for it, and is cleared where the item was counted.
    let (position_ms, completion) = match state {
        PlaybackState::Stopped => {
            let position = saved.filter(|ms| *ms > 0).or(live.filter(|ms| *ms > 0));
            let counted = flag(&dto["UserData"]["Played"]) && position.is_none();
            (position, if counted { Completion::Claimed } else { Completion::None })
        }
        _ if event == "Scrobble" => (live, Completion::Counted),
        _ => (live, Completion::None),
    };
    Playback {
        server: server(message),
        user: user(message),
        player: player(session),
        session: guid(&session["Id"]),
        content: item::content(dto),
        paths: text(&dto["Path"]).into_iter().collect(),
        item,
        state,
        position_ms,
        completion,
        credits_start_ms: None,
        library: None,
        at: None,
        ext: Vec::new(),
    }
}
