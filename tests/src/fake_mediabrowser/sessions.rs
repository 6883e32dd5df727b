//! Who plays what now, and what is told of it.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::fake_mediabrowser::family::Family;
use crate::fake_mediabrowser::world::Shared;

impl Shared {
    /// The sessions that the asker sees.
    pub(super) fn listed(&self) -> Vec<Value> {
        let now = self.clock.now();
        let sessions = self.sessions.lock().expect("no test panics here").clone();
        let own = self.limited_to();
        let shown = sessions.iter().map(|listed| listed.shown(self.family, now));
        shown.filter(|session| own.as_ref().is_none_or(|own| session["UserId"] == own.guid)).collect()
    }

    /// Whether a socket of the asker hears anything. One that may not opens all the same, and stays silent.
    pub(super) fn may_listen(&self) -> bool {
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
