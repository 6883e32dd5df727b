//! Who plays what now, and what is told of it.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::fake_mediabrowser::{FakeMediaBrowser, Family, Shared};
use crate::fake_playback::FakePlayback;

/// A session of the list.
#[derive(Clone, Debug)]
pub(super) enum Listed {
    /// As it stands.
    Raw(Value),
    /// Somebody watches something. Its client said so last then.
    Screening(Box<FakePlayback>, Timestamp),
}

impl Listed {
    fn shown(&self, family: Family, now: Timestamp) -> Value {
        match self {
            Self::Raw(session) => session.clone(),
            Self::Screening(screening, check_in) => {
                let (dto, server) = (family.dto(&screening.title), family.server_id());
                // One of the servers moves positions on by itself, the other does not say when it has heard of a client.
                let silent =
                    i64::try_from(now.duration_since(*check_in).as_millis()).expect("no such long test");
                match family {
                    Family::Jellyfin if !screening.paused => {
                        let ahead = u32::try_from(silent.max(0)).expect("no such long test");
                        screening.session(dto, server, screening.position_ms + ahead, Some(*check_in))
                    }
                    Family::Jellyfin => {
                        screening.session(dto, server, screening.position_ms, Some(*check_in))
                    }
                    Family::Emby => screening.session(dto, server, screening.position_ms, None),
                }
            }
        }
    }
}

impl FakeMediaBrowser {
    /// Starts a session: who plays which item on which device.
    pub fn play(&self, user: (&str, &str), item: &str, device: &str) {
        self.shared.sessions.lock().expect("no test panics here").push(Listed::Raw(json!({
            "Id": format!("{:0<32}", device.len()), "UserId": user.0, "UserName": user.1, "DeviceId": device,
            "NowPlayingItem": { "Id": item }, "PlayState": {},
        })));
    }

    /// What `/Sessions` lists. A client of which nothing has changed has said nothing.
    pub fn list(&self, screenings: &[FakePlayback]) {
        let now = self.shared.clock.now();
        let mut sessions = self.shared.sessions.lock().expect("no test panics here");
        let listed = |it: &FakePlayback| {
            let before = sessions
                .iter()
                .find(|listed| matches!(listed, Listed::Screening(before, _) if **before == *it));
            before.cloned().unwrap_or_else(|| Listed::Screening(Box::new(it.clone()), now))
        };
        *sessions = screenings.iter().map(listed).collect();
    }

    /// The same, of sessions as a server gives them.
    pub fn list_raw(&self, sessions: Vec<Value>) {
        let sessions = sessions.into_iter().map(Listed::Raw).collect();
        *self.shared.sessions.lock().expect("no test panics here") = sessions;
    }

    /// Lists these, and tells all who listen.
    pub fn show(&self, screenings: &[FakePlayback]) {
        self.list(screenings);
        self.tell();
    }

    /// Tells all who listen, and may, what is listed. Gives how many there are.
    pub fn tell(&self) -> usize {
        let mut message = json!({ "MessageType": "Sessions", "Data": self.shared.listed() });
        if self.shared.family == Family::Jellyfin {
            message["MessageId"] = json!("3df15df7b523cd3186c67cfc41737261");
        }
        self.tell_raw(&message)
    }

    /// The same, of a message as a server gives it.
    pub fn tell_raw(&self, message: &Value) -> usize {
        if self.shared.may_listen() {
            self.shared.sockets.broadcast_subscribed(message.to_string())
        } else {
            0
        }
    }
}

impl Shared {
    /// The sessions that the asker sees.
    fn listed(&self) -> Vec<Value> {
        let now = self.clock.now();
        let sessions = self.sessions.lock().expect("no test panics here").clone();
        let own = self.limited_to();
        let shown = sessions.iter().map(|listed| listed.shown(self.family, now));
        shown.filter(|session| own.as_ref().is_none_or(|own| session["UserId"] == own.guid)).collect()
    }

    /// Whether a socket of the asker hears anything. One that may not opens all the same, and stays silent.
    fn may_listen(&self) -> bool {
        let asker = self.asker.lock().expect("no test panics here").clone();
        let is_administrator = asker.as_ref().is_some_and(|(_, is_administrator)| *is_administrator);
        match (self.family, self.version()) {
            (Family::Emby, _) => true,
            (Family::Jellyfin, (10, 9)) => is_administrator,
            (Family::Jellyfin, (10, 10)) => is_administrator || asker.is_none(),
            (Family::Jellyfin, _) => true,
        }
    }
}

pub(super) async fn list(State(shared): State<Shared>) -> Response {
    Json(shared.listed()).into_response()
}
