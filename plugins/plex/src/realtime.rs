//! Notifications of a server during playback. They name a session, a position and a state, and neither user nor
//! length. `/status/sessions`, for which the token must be the owner's, has the rest, until a session ends: so it is remembered.

mod session;

use playrelay_sdk::capability::realtime::{Connection, KeepAlive, MessageResult, Transport};
use playrelay_sdk::host::reports::{ParseError, PlaybackState, Report, Server, Snapshot};
use playrelay_sdk::json::{text, whole};
use playrelay_sdk::server::ignored_report;
use playrelay_sdk::webhook;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use session::{Session, item};

use crate::api;

/// Between two reads of the sessions, beside what is told. Ms.
const LOOK_MS: u32 = 30_000;
/// Pings: other clients of the server send one every 15 s too. Ms.
const PING_MS: u32 = 15_000;
/// Sessions that are remembered, those that have ended among them.
const MAX_SESSIONS: usize = 48;
/// …and their size, well below what the host remembers for a plugin. Bytes.
const MAX_STATE_BYTES: usize = 48 << 10;
/// A position that differs by less is the same one. Ms.
const SAME_POSITION: u32 = 1_000;
/// A session that the server did not list is asked about again after so many of its notifications.
const RELOOKUP_AFTER: u32 = 8;

/// The ways to connect, the best first.
pub fn connect() -> Vec<Connection> {
    let resync = || vec!["/".to_owned(), "/status/sessions".to_owned()];
    let way = |transport, path: &str, keep_alive| Connection {
        transport,
        path: path.to_owned(),
        initial_frames: Vec::new(),
        keep_alive,
        resync: resync(),
        interval_ms: LOOK_MS,
    };
    let ping = Some(KeepAlive { text: String::new(), interval_ms: PING_MS });
    vec![
        way(Transport::Websocket, "/:/websockets/notifications", ping),
        way(Transport::EventStream, "/:/eventsource/notifications?filters=playing", None),
        Connection { interval_ms: 5_000, ..way(Transport::Poll, "", None) },
    ]
}

/// The state between two messages.
#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    server_id: Option<String>,
    server_name: Option<String>,
    /// The one that was told of last comes last.
    sessions: Vec<Session>,
    /// Keys of sessions that the server does not list, and how often they were told of.
    unlisted: Vec<(String, u32)>,
}

/// Reads a notification, or an answer to one of the paths above.
pub fn handle_message(text: &str, state: &[u8]) -> Result<MessageResult, ParseError> {
    let message = webhook::json(text, "the message")?;
    let mut memory: State = serde_json::from_slice(state).unwrap_or_default();
    let reports = memory.read(&message)?;
    let state = serde_json::to_vec(&memory).map_err(|error| ParseError::Malformed(error.to_string()))?;
    Ok(MessageResult { reports, replies: Vec::new(), state })
}

impl State {
    fn read(&mut self, message: &Value) -> Result<Vec<Report>, ParseError> {
        let answer = &message["MediaContainer"];
        if answer.is_object() {
            return Ok(vec![match text(&answer["machineIdentifier"]) {
                Some(id) => {
                    (self.server_id, self.server_name) = (Some(id), text(&answer["friendlyName"]));
                    ignored_report("server", "its name")
                }
                None => self.session_reports(answer),
            }]);
        }
        let container = match &message["NotificationContainer"] {
            Value::Null => message,
            container => container,
        };
        // Servers before 2017 wrote `_children`; event streams leave the container out, and may leave out the list too.
        let notifications = ["PlaySessionStateNotification", "_children"].map(|name| &container[name]);
        let notifications = notifications.into_iter().find(|found| !found.is_null());
        match (notifications, text(&container["type"])) {
            (Some(Value::Array(list)), _) => Ok(list.iter().map(|it| self.notified(it)).collect()),
            (Some(one @ Value::Object(_)), _) => Ok(vec![self.notified(one)]),
            (_, Some(kind)) => Ok(vec![ignored_report("notification", kind)]),
            (_, None) if container.is_object() => Ok(vec![ignored_report("notification", "none")]),
            _ => Err(ParseError::Unsupported("the message is not a notification".to_owned())),
        }
    }

    fn server(&self) -> Server {
        Server { id: self.server_id.clone(), name: self.server_name.clone() }
    }

    /// A list of all sessions.
    fn session_reports(&mut self, answer: &Value) -> Report {
        let list: Vec<Session> =
            answer["Metadata"].as_array().into_iter().flatten().filter_map(Session::listed).collect();
        self.unlisted.clear();
        let mut sessions = Vec::new();
        for mut session in list {
            session.remember_credits(self.sessions.iter().find(|known| known.is_of_item(&session)));
            sessions.extend(session.playback(&self.server()));
            self.remember(session);
        }
        Report::Snapshot(Snapshot { server: self.server(), sessions, at: None })
    }

    fn remember(&mut self, session: Session) {
        self.sessions.retain(|known| known.key != session.key);
        self.sessions.push(session);
        while self.sessions.len() > MAX_SESSIONS || self.size() > MAX_STATE_BYTES {
            let ended = self.sessions.iter().position(|known| known.has_ended);
            self.sessions.remove(ended.unwrap_or(0));
            if self.sessions.is_empty() {
                return;
            }
        }
    }

    /// The size of the state in bytes.
    fn size(&self) -> usize {
        serde_json::to_vec(&self.sessions).map_or(usize::MAX, |text| text.len())
    }

    fn notified(&mut self, notification: &Value) -> Report {
        let state = match notification["state"].as_str() {
            Some("playing") => PlaybackState::Playing,
            Some("paused") => PlaybackState::Paused,
            Some("stopped") => PlaybackState::Stopped,
            other => return ignored_report("state", other.unwrap_or("none")),
        };
        let told = Notification {
            key: text(&notification["sessionKey"]),
            item: text(&notification["ratingKey"]),
            player: text(&notification["clientIdentifier"]),
            position_ms: whole(&notification["viewOffset"]),
        };
        let Some(mut session) = self.session_of(&told, state) else {
            return ignored_report("unknown-session", told.key.unwrap_or_default());
        };
        let is_repeated = state == PlaybackState::Stopped && session.has_ended;
        session.has_ended = state == PlaybackState::Stopped;
        (session.state, session.position_ms) = (state, told.position_ms);
        let playback = session.playback(&self.server());
        let key = session.key.clone();
        self.remember(session);
        match playback {
            _ if is_repeated => ignored_report("stop-repeated", key),
            Some(playback) => Report::Playback(playback),
            None => ignored_report("media-type", key),
        }
    }

    /// The session that a notification speaks of: known, or asked for.
    fn session_of(&mut self, told: &Notification, state: PlaybackState) -> Option<Session> {
        let by_key = self.sessions.iter().rfind(|known| told.key.as_deref() == Some(&known.key));
        let before = by_key.cloned();
        let is_it = |known: &&Session| told.item.is_none() || told.item == known.item_key;
        if let Some(known) = before.as_ref().filter(is_it) {
            return Some(known.clone());
        }
        if state == PlaybackState::Stopped {
            // Some players end a session under a new key, and repeat that.
            let ended = self.sessions.iter().rfind(|known| told.may_end_session(known));
            return ended.cloned();
        }
        let item = told.item.as_deref()?;
        let key = told.key.clone()?;
        if self.was_just_looked_up(&key) {
            return None;
        }
        // Where the server gives no answer the notification is of no use; the next one asks again.
        let found = api::get("/status/sessions").unwrap_or_default();
        let rows = found["Metadata"].as_array();
        let mut listed = rows.into_iter().flatten().filter_map(Session::listed);
        let session = listed.find(|session| session.key == key && session.item_key.as_deref() == Some(item));
        // Autoplay keeps the session and changes its item, sometimes before the list knows.
        let session = session.or_else(|| before.and_then(|before| before.with_item(self::item(item)?)));
        match session {
            Some(mut session) => {
                self.unlisted.retain(|(unlisted, _)| *unlisted != key);
                session.remember_credits(None);
                Some(session)
            }
            None => {
                self.unlisted.push((key, 1));
                None
            }
        }
    }

    /// Whether a session was asked about a moment ago.
    fn was_just_looked_up(&mut self, key: &str) -> bool {
        let Some(place) = self.unlisted.iter().position(|(unlisted, _)| unlisted == key) else {
            if self.unlisted.len() >= MAX_SESSIONS {
                self.unlisted.remove(0);
            }
            return false;
        };
        self.unlisted[place].1 += 1;
        if self.unlisted[place].1 < RELOOKUP_AFTER {
            return true;
        }
        self.unlisted.remove(place);
        false
    }
}

/// A notification.
struct Notification {
    key: Option<String>,
    item: Option<String>,
    player: Option<String>,
    position_ms: Option<u32>,
}

impl Notification {
    /// Whether it may be the end of a session that has another key: of the same item or of none, on the same player, or where the
    /// session was.
    fn may_end_session(&self, known: &Session) -> bool {
        let near = |one: Option<u32>, other: Option<u32>| {
            one.zip(other).is_some_and(|(one, other)| one.abs_diff(other) <= SAME_POSITION)
        };
        let same_item = self.item.is_none() || self.item == known.item_key;
        let is_there = near(self.position_ms, known.position_ms);
        match &self.player {
            Some(player) => {
                same_item && known.player_id.as_ref() == Some(player) && (self.item.is_some() || is_there)
            }
            None => self.item.is_some() && same_item && is_there,
        }
    }
}
