//! The state of Trakt's logins.

use std::time::Instant;

use axum::Json;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde_json::json;

/// How long a login is good. Seconds.
const LOGIN_LIFE: i64 = 604_800;

/// What a user does at the page that asks for the code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Approval {
    /// Enters it after this many polls.
    After(u32),
    /// Enters it at once.
    #[default]
    AtOnce,
    /// Says no.
    Denied,
    /// Lets it expire.
    Never,
}

/// The state of all logins.
#[derive(Default)]
pub struct Logins {
    pub(super) approval: Approval,
    pub(super) access: Option<String>,
    pub(super) refresh: Option<String>,
    pub(super) given: Vec<String>,
    pub(super) code: Option<(String, Timestamp)>,
    pub(super) polls: u32,
    pub(super) last_poll: Option<Instant>,
    count: u32,
}

impl Logins {
    pub(super) fn log_in(&mut self, now: Timestamp) -> String {
        self.give(now);
        self.access.clone().unwrap_or_default()
    }

    pub(super) fn give(&mut self, now: Timestamp) -> Response {
        self.count += 1;
        let (access, refresh) =
            (format!("access-token-{:032}", self.count), format!("refresh-token-{:032}", self.count));
        self.given.extend([access.clone(), refresh.clone()]);
        let answer = json!({
            "access_token": access, "token_type": "bearer", "expires_in": LOGIN_LIFE, "refresh_token": refresh,
            "scope": "public", "created_at": now.as_second(),
        });
        self.access = Some(access);
        self.refresh = Some(refresh);
        Json(answer).into_response()
    }
}
