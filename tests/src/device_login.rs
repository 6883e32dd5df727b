//! OAuth 2's device flow (RFC 8628) with a refresh token that stays, as SIMKL and MDBList have it.

use std::time::{Duration, Instant};

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::fake_trakt::Approval;

/// How often a code may be polled.
const INTERVAL: Duration = Duration::from_secs(1);

/// How a service does it.
#[derive(Clone, Copy, Debug)]
pub struct LoginBehaviour {
    /// In front of its tokens.
    pub prefix: &'static str,
    /// How long a code is good. Seconds.
    pub code_life: i64,
    /// How long an access token is good. Seconds.
    pub life: i64,
    /// What a login may do.
    pub scope: &'static str,
    /// Whether it says that the user has said no.
    pub tells_denial: bool,
    /// Whether the answer to a refresh has the refresh token again.
    pub repeats_refresh_token: bool,
}

/// The state of all logins.
pub struct DeviceLogins {
    manner: LoginBehaviour,
    /// What users do at the page that asks for the code.
    pub approval: Approval,
    /// What users allow, where it is not all.
    pub scope: Option<String>,
    /// The one access token that is good.
    pub access: Option<String>,
    /// The one refresh token that is good.
    pub refresh: Option<String>,
    /// All tokens that were ever given out.
    pub given: Vec<String>,
    /// Refreshes.
    pub refreshes: u32,
    code: Option<(String, Timestamp)>,
    polls: u32,
    last_poll: Option<Instant>,
}

impl DeviceLogins {
    /// Nobody is logged in.
    pub fn new(manner: LoginBehaviour) -> Self {
        Self {
            manner,
            approval: Approval::default(),
            scope: None,
            access: None,
            refresh: None,
            given: Vec::new(),
            refreshes: 0,
            code: None,
            polls: 0,
            last_poll: None,
        }
    }

    /// Gives out a code.
    pub fn code(&mut self, page: &str, now: Timestamp) -> Response {
        let code = format!("{}device_{:040}", self.manner.prefix, self.given.len());
        self.given.push(code.clone());
        self.code = Some((code.clone(), now + SignedDuration::from_secs(self.manner.code_life)));
        self.polls = 0;
        self.last_poll = None;
        Json(json!({
            "device_code": code, "user_code": "BDWP-HQPK", "verification_uri": page,
            "verification_uri_complete": format!("{page}?user_code=BDWP-HQPK"),
            "expires_in": self.manner.code_life, "interval": INTERVAL.as_secs(),
        }))
        .into_response()
    }

    /// Exchanges a code, or a refresh token.
    pub fn token(&mut self, form: &Value, now: Timestamp) -> Response {
        match form["grant_type"].as_str() {
            Some("refresh_token") => self.refresh(form),
            Some("urn:ietf:params:oauth:grant-type:device_code") => self.redeem(form, now),
            _ => error("unsupported_grant_type"),
        }
    }

    fn redeem(&mut self, form: &Value, now: Timestamp) -> Response {
        let Some((_, expires)) = self.code.clone().filter(|(code, _)| form["device_code"] == **code) else {
            return error("invalid_grant");
        };
        if now >= expires {
            return error("expired_token");
        }
        // A network delays some polls more than others: only half the interval is certainly too soon.
        let too_soon =
            self.last_poll.replace(Instant::now()).is_some_and(|last| last.elapsed() < INTERVAL / 2);
        if too_soon {
            return error("slow_down");
        }
        self.polls += 1;
        let granted = match self.approval {
            Approval::AtOnce => true,
            Approval::After(polls) => self.polls > polls,
            Approval::Denied if self.manner.tells_denial => return error("access_denied"),
            Approval::Denied | Approval::Never => false,
        };
        if !granted {
            return error("authorization_pending");
        }
        self.code = None;
        let refresh = format!("{}rt_{:040}", self.manner.prefix, self.given.len());
        self.given.push(refresh.clone());
        self.refresh = Some(refresh.clone());
        self.give(Some(refresh))
    }

    fn refresh(&mut self, form: &Value) -> Response {
        let Some(refresh) = self.refresh.clone().filter(|refresh| form["refresh_token"] == **refresh) else {
            return error("invalid_grant");
        };
        self.refreshes += 1;
        self.give(self.manner.repeats_refresh_token.then_some(refresh))
    }

    /// The access token before it is dead from here on.
    fn give(&mut self, refresh: Option<String>) -> Response {
        let access = format!("{}at_{:040}", self.manner.prefix, self.given.len());
        self.given.push(access.clone());
        self.access = Some(access.clone());
        let scope = self.scope.clone().unwrap_or_else(|| self.manner.scope.to_owned());
        let mut answer = json!({
            "access_token": access, "token_type": "Bearer", "expires_in": self.manner.life, "scope": scope,
        });
        if let Some(refresh) = refresh {
            answer["refresh_token"] = json!(refresh);
        }
        Json(answer).into_response()
    }

    /// Ends a login. Answers the same whatever the token.
    pub fn revoke(&mut self, form: &Value) -> Response {
        if self.access.as_deref().is_some_and(|access| form["token"] == access) {
            self.access = None;
            self.refresh = None;
        }
        StatusCode::OK.into_response()
    }
}

fn error(name: &str) -> Response {
    let body = json!({ "error": name, "error_description": "as the documents say" });
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}
