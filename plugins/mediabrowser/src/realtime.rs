//! Both servers push lists of all sessions over a websocket, and give the same list to who asks.

use playrelay_sdk::capability::realtime::{Connection, KeepAlive, Step, Transport};
use playrelay_sdk::host::reports::ParseError;
use playrelay_sdk::host::reports::{Completion, Playback, PlaybackState, Report, Server, Snapshot, User};
use playrelay_sdk::host::settings;
use playrelay_sdk::json::{flag, text};
use playrelay_sdk::server::{self, happened, ignored};
use playrelay_sdk::webhook;
use serde_json::{Value, json};

use crate::item;
use crate::message::player;
use crate::text::{guid, ms, text as words};

/// What opens the stream of sessions: "initial delay, interval". Nothing is sent while nothing changes.
const SUBSCRIBE: &str = r#"{"MessageType":"SessionsStart","Data":"0,1500"}"#;
/// What keeps a socket up where the server wants to be told.
const KEEP_ALIVE: &str = r#"{"MessageType":"KeepAlive"}"#;
/// Reading the sessions, where a socket tells of their changes. Ms.
const LOOK_MS: u32 = 30_000;
/// Reading the sessions, where nothing tells of their changes. Ms.
const POLL_MS: u32 = 2_000;
/// Servers drop a session of which nothing was heard for longer. Ms.
const LONGEST_SILENCE_MS: u32 = 15 * 60 * 1000;
/// Servers, and proxies before them, close what is silent for a minute. Ms.
const KEEP_ALIVE_MS: u32 = 20_000;

/// A socket at a path, kept up with a text that the server answers, or with pings.
pub fn socket(prefix: &str, path: &str, text: bool) -> Connection {
    Connection {
        transport: Transport::Websocket,
        path: path.to_owned(),
        hello: vec![SUBSCRIBE.to_owned()],
        keep_alive: Some(KeepAlive {
            text: if text { KEEP_ALIVE.to_owned() } else { String::new() },
            interval_ms: KEEP_ALIVE_MS,
        }),
        resync: resync(prefix),
        interval_ms: LOOK_MS,
    }
}

/// Reading the sessions again and again.
pub fn poll(prefix: &str) -> Connection {
    Connection {
        transport: Transport::Poll,
        path: String::new(),
        hello: Vec::new(),
        keep_alive: None,
        resync: resync(prefix),
        interval_ms: POLL_MS,
    }
}

/// Who the server is, and what plays there.
fn resync(prefix: &str) -> Vec<String> {
    // It may have been typed with the address.
    let typed = settings::get("url").unwrap_or_default();
    let prefix = if typed.trim_end_matches('/').ends_with(prefix) { "" } else { prefix };
    vec![format!("{prefix}/System/Info/Public"), format!("{prefix}/Sessions")]
}

/// Reads a frame or an answer. The state is the server's id and name, as JSON. `now` is an instant; `guesses` says whether the server
/// moves positions on by itself between two words of a client.
pub fn message(text: &str, state: Vec<u8>, now: &str, guesses: bool) -> Result<Step, ParseError> {
    let mut message = webhook::json(text, "the message")?;
    if message["Id"].is_string() && message["Version"].is_string() {
        let known = json!({ "id": guid(&message["Id"]), "name": words(&message["ServerName"]) });
        return Ok(step(ignored("server", "its name"), Vec::new(), known.to_string().into_bytes()));
    }
    let list = match message["MessageType"].as_str() {
        None if message.is_array() => message,
        Some("Sessions") => message["Data"].take(),
        Some("ForceKeepAlive") => {
            return Ok(step(ignored("keep-alive", ""), vec![KEEP_ALIVE.to_owned()], state));
        }
        Some(other) => return Ok(step(ignored("message", other), Vec::new(), state)),
        None => {
            return Err(ParseError::Unsupported("the message has no \u{201c}MessageType\u{201d}".to_owned()));
        }
    };
    let Value::Array(list) = list else {
        return Err(ParseError::Malformed("the sessions are no list".to_owned()));
    };
    let known: Value = serde_json::from_slice(&state).unwrap_or_default();
    let told = || list.iter().find_map(|session| guid(&session["ServerId"]));
    let server =
        Server { id: playrelay_sdk::json::text(&known["id"]).or_else(told), name: words(&known["name"]) };
    let sessions = list.iter().flat_map(|session| playbacks(&server, session, now, guesses)).collect();
    let snapshot = Report::Snapshot(Snapshot { server, sessions, at: None });
    Ok(step(snapshot, Vec::new(), state))
}

/// For how long nothing was heard of a client. Ms; absent where that cannot be told, or is too long to be true: servers drop such
/// sessions after ten minutes.
fn silence(check_in: Option<&str>, now: &str) -> Option<u32> {
    let (told, now) = (server::instant(check_in?)?, server::instant(now)?);
    let silent = u32::try_from(now.duration_since(told).as_millis()).ok()?;
    (silent <= LONGEST_SILENCE_MS).then_some(silent)
}

fn step(report: Report, replies: Vec<String>, state: Vec<u8>) -> Step {
    Step { reports: vec![report], replies, state }
}

/// What a session plays, once for each of its users.
fn playbacks(server: &Server, session: &Value, now: &str, guesses: bool) -> Vec<Playback> {
    let (dto, play) = (&session["NowPlayingItem"], &session["PlayState"]);
    let Some(item) = item::item(dto, &Value::Null) else { return Vec::new() };
    let others = session["AdditionalUsers"].as_array().into_iter().flatten();
    let users = std::iter::once(session)
        .chain(others)
        .filter_map(|user| Some(User { id: Some(guid(&user["UserId"])?), name: words(&user["UserName"]) }));
    let paused = flag(&play["IsPaused"]);
    let check_in = session["LastPlaybackCheckIn"].as_str();
    let silent = if paused { None } else { silence(check_in, now) };
    // What the server has added by itself is no news of the client, which may be gone.
    let ahead = silent.filter(|_| guesses).unwrap_or(0);
    let at = match silent {
        Some(_) => check_in.map(str::to_owned),
        None => happened(check_in, now),
    };
    users
        .map(|user| Playback {
            server: server.clone(),
            user,
            player: player(session),
            session: guid(&session["Id"]),
            item: item.clone(),
            state: if paused { PlaybackState::Paused } else { PlaybackState::Playing },
            position_ms: ms(&play["PositionTicks"]).map(|position| position.saturating_sub(ahead)),
            completion: Completion::None,
            credits_start_ms: item::credits(dto),
            content: item::content(dto),
            library: None,
            paths: text(&dto["Path"]).into_iter().collect(),
            // The position is that of the last check-in.
            at: at.clone(),
            ext: Vec::new(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-21T20:00:00Z";

    fn reports(text: &str, state: &[u8]) -> Step {
        message(text, state.to_vec(), NOW, false).unwrap()
    }

    #[test]
    fn the_server_is_remembered_where_nothing_plays() {
        let info = reports(
            r#"{"Id":"0e7f4419-7df8-44fc-4a50-3f7366b746ad","ServerName":"Attic","Version":"10.11.7"}"#,
            b"",
        );
        let step = reports("[]", &info.state);
        let [Report::Snapshot(snapshot)] = step.reports.as_slice() else { panic!("a snapshot was expected") };
        assert_eq!(snapshot.server.id.as_deref(), Some("0e7f44197df844fc4a503f7366b746ad"));
        assert_eq!((snapshot.server.name.as_deref(), snapshot.sessions.len()), (Some("Attic"), 0));
    }

    #[test]
    fn each_user_of_a_session_plays() {
        let list = json!([{
            "Id": "s", "UserId": "u1", "UserName": "mia", "DeviceId": "tv", "AdditionalUsers": [{ "UserId": "u2", "UserName": "tom" }],
            "NowPlayingItem": { "Id": "9", "Type": "Movie", "Name": "Mirror", "RunTimeTicks": 600_000_000_000_u64 },
            "PlayState": { "PositionTicks": 50_000_000, "IsPaused": true }, "LastPlaybackCheckIn": "2026-11-21T19:59:55.0000000Z",
        }, { "Id": "idle", "UserId": "u3", "PlayState": {} }]);
        let step = reports(&json!({ "MessageType": "Sessions", "Data": list }).to_string(), b"");
        let [Report::Snapshot(snapshot)] = step.reports.as_slice() else { panic!("a snapshot was expected") };
        let told: Vec<_> =
            snapshot.sessions.iter().map(|it| (it.user.id.clone(), it.position_ms, it.at.clone())).collect();
        let at = Some("2026-11-21T19:59:55Z".to_owned());
        assert_eq!(
            told,
            [(Some("u1".to_owned()), Some(5_000), at.clone()), (Some("u2".to_owned()), Some(5_000), at)]
        );
        assert_eq!(snapshot.sessions[0].state, PlaybackState::Paused);
    }

    #[test]
    fn keep_alive_is_answered_and_nonsense_refused() {
        assert_eq!(reports(r#"{"MessageType":"ForceKeepAlive","Data":60}"#, b"x").replies, [KEEP_ALIVE]);
        for text in ["", "{", "7", "{}", r#"{"MessageType":"Sessions","Data":{}}"#] {
            assert!(message(text, Vec::new(), NOW, false).is_err(), "{text}");
        }
    }
}
