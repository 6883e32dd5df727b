//! Both servers push lists of all sessions over a websocket, and give the same list to who asks.

use std::collections::BTreeMap;

use playrelay_sdk::capability::realtime::{Connection, KeepAlive, MessageResult, Transport};
use playrelay_sdk::host::reports::{
    Completion, ParseError, Playback, PlaybackState, Report, Server, Snapshot, User,
};
use playrelay_sdk::json::{flag, text};
use playrelay_sdk::server::{self, ignored_report};
use playrelay_sdk::webhook;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::session_dto::player;
use crate::values::{guid, ms, text as words};
use crate::{Flavor, item};

/// The frame that starts the stream of sessions: "initial delay, interval". Nothing is sent while nothing changes.
const SUBSCRIBE: &str = r#"{"MessageType":"SessionsStart","Data":"0,1500"}"#;
/// The keep-alive frame of a server that wants one.
const KEEP_ALIVE: &str = r#"{"MessageType":"KeepAlive"}"#;
/// Reading the sessions, where a socket tells of their changes. Ms.
const RESYNC_INTERVAL_MS: u32 = 30_000;
/// Reading the sessions, where nothing tells of their changes. Ms.
const POLL_MS: u32 = 2_000;
/// Clients say something every ten seconds: one that has not for so long has fallen silent. Ms.
pub const SILENT_MS: u32 = 30_000;
/// Servers drop a session of which nothing was heard for longer. Ms.
const LONGEST_SILENCE_MS: u32 = 15 * 60 * 1000;
/// A server is so exact in moving a position on. Ms.
const TOLERANCE_MS: u32 = 5_000;
/// Sessions whose clients' last words are remembered.
const MAX_SESSIONS: usize = 300;
/// Servers, and proxies before them, close what is silent for a minute. Ms.
const KEEP_ALIVE_MS: u32 = 20_000;

/// A socket at a path, kept up with a text that the server answers, or with pings.
pub fn socket(family: Flavor, path: &str, text: bool) -> Connection {
    Connection {
        transport: Transport::Websocket,
        path: path.to_owned(),
        initial_frames: vec![SUBSCRIBE.to_owned()],
        keep_alive: Some(KeepAlive {
            text: if text { KEEP_ALIVE.to_owned() } else { String::new() },
            interval_ms: KEEP_ALIVE_MS,
        }),
        resync: resync(family),
        interval_ms: RESYNC_INTERVAL_MS,
    }
}

/// Reading the sessions again and again.
pub fn poll(family: Flavor) -> Connection {
    Connection {
        transport: Transport::Poll,
        path: String::new(),
        initial_frames: Vec::new(),
        keep_alive: None,
        resync: resync(family),
        interval_ms: POLL_MS,
    }
}

/// The paths that give the server's id and its sessions.
fn resync(family: Flavor) -> Vec<String> {
    ["/System/Info/Public", "/Sessions"].map(|path| family.path(path)).to_vec()
}

/// The state between two messages.
#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    id: Option<String>,
    name: Option<String>,
    /// The clients' last words.
    #[serde(default)]
    words: BTreeMap<String, ClientCheckIn>,
}

/// The last word of a client: when it was, by the server's clock, and since when it is known here.
///
/// A server lists a client that is gone for minutes more, and one of them moves its position on meanwhile. The clock by which it says
/// when it has heard of the client may be any, so what counts is how long nothing has changed, by ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ClientCheckIn {
    said: String,
    known_at: String,
    /// Where it stood then.
    position_ms: Option<u32>,
}

impl ClientCheckIn {
    /// Whether a list says nothing but this once more. A server moves a position on as the clock does, and no further than to the end;
    /// any other is of the client.
    fn is_repeat(&self, said: &str, position_ms: Option<u32>, now: &str, family: Flavor) -> bool {
        let passed = position_lead(&self.known_at, now, family);
        let is_moved_on = |from: u32, to: u32| {
            (from.saturating_sub(TOLERANCE_MS)..=from.saturating_add(passed).saturating_add(TOLERANCE_MS))
                .contains(&to)
        };
        self.said == said
            && match (self.position_ms, position_ms) {
                (Some(from), Some(to)) => is_moved_on(from, to),
                (from, to) => from == to,
            }
    }
}

/// Reads a frame or an answer. The state is a `State`, as JSON. `now` is an instant.
pub fn handle_message(
    text: &str,
    state: Vec<u8>,
    now: &str,
    family: Flavor,
) -> Result<MessageResult, ParseError> {
    let mut message = webhook::json(text, "the message")?;
    let mut memory: State = serde_json::from_slice(&state).unwrap_or_default();
    if message["Id"].is_string() && message["Version"].is_string() {
        (memory.id, memory.name) = (guid(&message["Id"]), words(&message["ServerName"]));
        return Ok(step(ignored_report("server", "its name"), Vec::new(), remember(&memory)));
    }
    let list = match message["MessageType"].as_str() {
        None if message.is_array() => message,
        Some("Sessions") => message["Data"].take(),
        Some("ForceKeepAlive") => {
            return Ok(step(ignored_report("keep-alive", ""), vec![KEEP_ALIVE.to_owned()], state));
        }
        Some(other) => return Ok(step(ignored_report("message", other), Vec::new(), state)),
        None => {
            return Err(ParseError::Unsupported("the message has no \u{201c}MessageType\u{201d}".to_owned()));
        }
    };
    let Value::Array(list) = list else {
        return Err(ParseError::Malformed("the sessions are no list".to_owned()));
    };
    let told = || list.iter().find_map(|session| guid(&session["ServerId"]));
    let server = Server { id: memory.id.clone().or_else(told), name: memory.name.clone() };
    let before = std::mem::take(&mut memory.words);
    let mut sessions = Vec::new();
    for session in &list {
        let (mut at, mut position_ms) = (now.to_owned(), ms(&session["PlayState"]["PositionTicks"]));
        if let Some((key, said)) = last_check_in(session, family) {
            match before.get(&key) {
                Some(word) if word.is_repeat(&said, position_ms, now, family) => {
                    (at, position_ms) = (word.known_at.clone(), word.position_ms);
                }
                Some(_) => {}
                // Nothing is known of it yet, and it may be long gone: as far as the server's clock can be believed, that says so.
                None if is_older(&said, now) => {
                    at.clone_from(&said);
                    let ahead = position_lead(&at, now, family);
                    position_ms = position_ms.map(|position| position.saturating_sub(ahead));
                }
                None => {}
            }
            if memory.words.len() < MAX_SESSIONS {
                memory.words.insert(key, ClientCheckIn { said, known_at: at.clone(), position_ms });
            }
        }
        sessions.extend(playbacks(&server, session, position_ms, &at));
    }
    let snapshot = Report::Snapshot(Snapshot { server, sessions, at: None });
    Ok(step(snapshot, Vec::new(), remember(&memory)))
}

fn remember(memory: &State) -> Vec<u8> {
    serde_json::to_vec(memory).unwrap_or_default()
}

/// What a client that plays has said last, and under which key that is remembered. Where a server that moves no positions on does not
/// say when it heard of the client, the position tells.
fn last_check_in(session: &Value, family: Flavor) -> Option<(String, String)> {
    let (item, play) = (&session["NowPlayingItem"], &session["PlayState"]);
    let key = format!("{} {}", guid(&session["Id"])?, guid(&item["Id"])?);
    let position = || (!family.extrapolates_position()).then(|| play["PositionTicks"].to_string());
    let said = text(&session["LastPlaybackCheckIn"]).or_else(position)?;
    (!flag(&play["IsPaused"])).then_some((key, said))
}

/// Whether an instant is so long ago that a client has fallen silent since, and not so long that the clock must be wrong: servers drop
/// such sessions after ten minutes.
fn is_older(said: &str, now: &str) -> bool {
    since(said, now).is_some_and(|ms| (SILENT_MS..=LONGEST_SILENCE_MS).contains(&ms))
}

/// By how much a server has moved a position on by itself. Ms.
fn position_lead(known_at: &str, now: &str, family: Flavor) -> u32 {
    since(known_at, now).filter(|_| family.extrapolates_position()).unwrap_or(0)
}

/// The time that has passed since. Ms.
pub fn since(known_at: &str, now: &str) -> Option<u32> {
    let (known_at, now) = (server::parse_instant(known_at)?, server::parse_instant(now)?);
    u32::try_from(now.duration_since(known_at).as_millis()).ok()
}

fn step(report: Report, replies: Vec<String>, state: Vec<u8>) -> MessageResult {
    MessageResult { reports: vec![report], replies, state }
}

/// The playbacks of a session, one for each of its users, at the position of its client's last report.
fn playbacks(server: &Server, session: &Value, position_ms: Option<u32>, at: &str) -> Vec<Playback> {
    let (dto, play) = (&session["NowPlayingItem"], &session["PlayState"]);
    let Some(item) = item::item(dto, &Value::Null) else { return Vec::new() };
    let others = session["AdditionalUsers"].as_array().into_iter().flatten();
    let users = std::iter::once(session)
        .chain(others)
        .filter_map(|user| Some(User { id: Some(guid(&user["UserId"])?), name: words(&user["UserName"]) }));
    let paused = flag(&play["IsPaused"]);
    users
        .map(|user| Playback {
            server: server.clone(),
            user,
            player: player(session),
            session: guid(&session["Id"]),
            item: item.clone(),
            state: if paused { PlaybackState::Paused } else { PlaybackState::Playing },
            position_ms,
            completion: Completion::None,
            credits_start_ms: item::credits(dto),
            content: item::content(dto),
            library: None,
            paths: text(&dto["Path"]).into_iter().collect(),
            at: Some(at.to_owned()),
            ext: Vec::new(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const RESYNC_PATH: &str = "2026-11-21T20:00:00Z";

    fn reports(text: &str, state: &[u8]) -> MessageResult {
        handle_message(text, state.to_vec(), RESYNC_PATH, Flavor::Emby).unwrap()
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
        let at = Some(RESYNC_PATH.to_owned());
        assert_eq!(
            told,
            [(Some("u1".to_owned()), Some(5_000), at.clone()), (Some("u2".to_owned()), Some(5_000), at)]
        );
        assert_eq!(snapshot.sessions[0].state, PlaybackState::Paused);
    }

    /// What a list says of the one who plays, told at a second of a minute: the position in seconds, and when that was.
    fn client_updated_at(
        family: Flavor,
        state: &mut Vec<u8>,
        second: u32,
        position: u32,
        check_in: Value,
    ) -> (u32, String) {
        let list = json!([{
            "Id": "s", "UserId": "u1", "UserName": "mia", "LastPlaybackCheckIn": check_in,
            "NowPlayingItem": { "Id": "9", "Type": "Movie", "Name": "Mirror", "RunTimeTicks": 600_000_000_000_u64 },
            "PlayState": { "PositionTicks": u64::from(position) * 10_000_000, "IsPaused": false },
        }]);
        let now = format!("2026-11-21T20:00:{second:02}Z");
        let step = handle_message(&list.to_string(), std::mem::take(state), &now, family).unwrap();
        *state = step.state;
        let [Report::Snapshot(snapshot)] = step.reports.as_slice() else { panic!("a snapshot was expected") };
        let session = &snapshot.sessions[0];
        (session.position_ms.unwrap() / 1_000, session.at.clone().unwrap())
    }

    #[test]
    fn what_a_server_adds_by_itself_is_no_news_of_the_client_whatever_its_clock_says() {
        let at = |second: u32| format!("2026-11-21T20:00:{second:02}Z");
        for clock in ["2026-11-21T19:00:0", "2026-11-21T20:00:0", "2027-01-01T00:00:0"] {
            let word = |number: u32| json!(format!("{clock}{number}.0000000Z"));
            let mut state = Vec::new();
            let mut told = |second, position, check_in| {
                client_updated_at(Flavor::Jellyfin, &mut state, second, position, check_in)
            };
            assert_eq!(told(10, 100, word(1)), (100, at(10)), "{clock}");
            assert_eq!(told(12, 102, word(1)), (100, at(10)), "moved on by the server");
            assert_eq!(told(20, 110, word(2)), (110, at(20)), "a word of the client");
            assert_eq!(told(50, 140, word(2)), (110, at(20)), "it may be gone");
            assert_eq!(told(55, 120, word(2)), (110, at(20)), "whatever its server makes of it");
            assert_eq!(told(58, 400, word(2)), (400, at(58)), "nobody but the client jumps ahead");
            assert_eq!(told(59, 50, word(2)), (50, at(59)), "or back");
        }
    }

    #[test]
    fn a_client_that_was_gone_before_the_first_list_is_not_where_its_server_has_moved_it_since() {
        let gone =
            client_updated_at(Flavor::Jellyfin, &mut Vec::new(), 0, 1_000, json!("2026-11-21T19:55:00Z"));
        assert_eq!(gone, (700, "2026-11-21T19:55:00Z".to_owned()));
        for fresh in ["2026-11-21T19:59:45Z", "2026-11-21T20:04:00Z", "2026-11-21T19:40:00Z"] {
            let told = client_updated_at(Flavor::Jellyfin, &mut Vec::new(), 0, 1_000, json!(fresh));
            assert_eq!(told, (1_000, "2026-11-21T20:00:00Z".to_owned()), "{fresh}");
        }
    }

    #[test]
    fn a_position_that_stands_still_is_no_news_where_the_server_says_no_more() {
        let at = |second: u32| format!("2026-11-21T20:00:{second:02}Z");
        let mut state = Vec::new();
        let mut told =
            |second, position| client_updated_at(Flavor::Emby, &mut state, second, position, Value::Null);
        assert_eq!((told(10, 100), told(20, 110)), ((100, at(10)), (110, at(20))));
        assert_eq!((told(30, 110), told(40, 110)), ((110, at(20)), (110, at(20))));
        assert_eq!(told(50, 120), (120, at(50)));
    }

    #[test]
    fn keep_alive_is_answered_and_nonsense_refused() {
        assert_eq!(reports(r#"{"MessageType":"ForceKeepAlive","Data":60}"#, b"x").replies, [KEEP_ALIVE]);
        for text in ["", "{", "7", "{}", r#"{"MessageType":"Sessions","Data":{}}"#] {
            assert!(handle_message(text, Vec::new(), RESYNC_PATH, Flavor::Emby).is_err(), "{text}");
        }
    }
}
