//! What tests have happen at a server.

use serde_json::{Value, json};

use crate::fake_mediabrowser::FakeMediaBrowser;
use crate::fake_mediabrowser::family::Family;
use crate::fake_mediabrowser::listed::Listed;
use crate::fake_playback::FakePlayback;

impl FakeMediaBrowser {
    /// Starts a session: who plays which item on which device.
    pub fn play(&self, user: (&str, &str), item: &str, device: &str) {
        self.shared.sessions.lock().expect("no test panics here").push(Listed::Raw(json!({
            "Id": format!("{:0<32}", device.len()), "UserId": user.0, "UserName": user.1, "DeviceId": device,
            "NowPlayingItem": { "Id": item }, "PlayState": {},
        })));
    }

    /// What `/Sessions` lists. A client whose playback is unchanged sends no report.
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
