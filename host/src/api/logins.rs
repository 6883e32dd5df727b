//! `/api/v1/accounts`: logins, for pages. A login that was begun goes on by itself; a page asks how it stands.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Api, complaint};
use crate::clock;
use crate::delivery::device::{self, LoginError, Prompt};
use crate::delivery::logins::LoginKeeper;
use crate::plugins::account::{Account, Accounts};
use crate::state::{Parked, SharedStore};

/// How a login stands.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
enum Standing {
    /// The user is to enter the code.
    Pending {
        /// Where.
        url: String,
        /// Where, with the code in it.
        complete_url: Option<String>,
        /// This.
        code: String,
        /// Until then.
        expires_at: Timestamp,
    },
    /// It is stored.
    Granted,
    /// It is not, and why.
    Failed {
        /// In words.
        reason: String,
    },
}

/// The logins that are under way.
pub struct LoginDesk {
    accounts: Accounts,
    keeper: Arc<LoginKeeper>,
    store: SharedStore,
    standings: Arc<Mutex<HashMap<String, (u64, Standing)>>>,
}

impl LoginDesk {
    /// A desk for some accounts.
    pub fn new(accounts: Accounts, keeper: Arc<LoginKeeper>, store: SharedStore) -> Self {
        Self { accounts, keeper, store, standings: Arc::default() }
    }

    fn standing(&self, name: &str) -> Option<Standing> {
        let standings = self.standings.lock().unwrap_or_else(PoisonError::into_inner);
        standings.get(name).map(|(_, standing)| standing.clone())
    }

    async fn begin(&self, account: &Arc<Account>) -> Result<Standing, LoginError> {
        let prompt = device::begin(account).await?;
        let expires = SignedDuration::try_from(prompt.expires_in).unwrap_or(SignedDuration::MAX);
        let standing = Standing::Pending {
            url: prompt.url.clone(),
            complete_url: prompt.complete_url.clone(),
            code: prompt.code.clone(),
            expires_at: clock::now().saturating_add(expires).unwrap_or(Timestamp::MAX),
        };
        let number = self.enter(&account.name, standing.clone());
        let waiting = Waiting {
            account: Arc::clone(account),
            keeper: Arc::clone(&self.keeper),
            store: Arc::clone(&self.store),
            standings: Arc::clone(&self.standings),
            number,
        };
        tokio::spawn(waiting.run(prompt));
        Ok(standing)
    }

    /// A login that is begun anew takes the place of the one before.
    fn enter(&self, name: &str, standing: Standing) -> u64 {
        let mut standings = self.standings.lock().unwrap_or_else(PoisonError::into_inner);
        let number = standings.get(name).map_or(0, |(number, _)| number + 1);
        standings.insert(name.to_owned(), (number, standing));
        number
    }
}

/// A login that waits for its user.
struct Waiting {
    account: Arc<Account>,
    keeper: Arc<LoginKeeper>,
    store: SharedStore,
    standings: Arc<Mutex<HashMap<String, (u64, Standing)>>>,
    number: u64,
}

impl Waiting {
    async fn run(self, mut prompt: Prompt) {
        let standing = loop {
            tokio::time::sleep(prompt.interval).await;
            if !self.is_current() {
                return;
            }
            match device::ask(&self.account, &self.keeper, &mut prompt).await {
                Ok(false) => {}
                // It was ended, or begun anew, while the service was asked: this one is not wanted any more.
                Ok(true) if !self.is_current() => {
                    if let Err(error) = self.keeper.disconnect(&self.account).await {
                        tracing::warn!(
                            account = self.account.name,
                            "a login that was ended is still kept: {error}"
                        );
                    }
                    return;
                }
                Ok(true) => match self.store.park(&self.account.name, None).await {
                    Ok(()) => break Standing::Granted,
                    Err(error) => break Standing::Failed { reason: error.to_string() },
                },
                Err(error) => break Standing::Failed { reason: error.to_string() },
            }
        };
        let mut standings = self.standings.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) =
            standings.get_mut(&self.account.name).filter(|(number, _)| *number == self.number)
        {
            entry.1 = standing;
        }
    }

    fn is_current(&self) -> bool {
        let standings = self.standings.lock().unwrap_or_else(PoisonError::into_inner);
        standings.get(&self.account.name).is_some_and(|(number, _)| *number == self.number)
    }
}

/// All accounts, and how each stands.
pub(super) async fn list(State(api): State<Arc<Api>>) -> Response {
    let mut accounts = Vec::new();
    for (name, account) in &api.logins.accounts.all() {
        match describe(&api, name, account).await {
            Ok(account) => accounts.push(account),
            Err(error) => return complaint(StatusCode::SERVICE_UNAVAILABLE, error),
        }
    }
    Json(json!({ "accounts": accounts })).into_response()
}

async fn describe(api: &Api, name: &str, account: &Account) -> Result<Value, String> {
    let parked = api.store.parked(name).await.map_err(|error| error.to_string())?;
    let (parked, until) = match parked {
        None => (None, None),
        Some(Parked::Until { until, reason, .. } | Parked::Blocked { until, reason }) => {
            (Some(reason), Some(until))
        }
        Some(Parked::Login { reason }) => (Some(reason), None),
    };
    let left = match account.outbound.meter() {
        Some(meter) => Some(meter.left().await.map_err(|error| error.to_string())?),
        None => None,
    };
    Ok(json!({
        "name": name, "plugin": account.manifest.plugin.id, "needs_login": account.needs_login(),
        "paused": parked, "paused_until": until, "requests_left": left.map(|(left, _)| left),
        "requests_a_day": left.map(|(_, allowed)| allowed), "login": api.logins.standing(name),
    }))
}

/// Begins a login.
pub(super) async fn begin(State(api): State<Arc<Api>>, Path(name): Path<String>) -> Response {
    let Some(account) = api.logins.accounts.get(&name) else { return unknown(&name) };
    match api.logins.begin(&account).await {
        Ok(standing) => (StatusCode::ACCEPTED, Json(standing)).into_response(),
        Err(error) => complaint(StatusCode::BAD_GATEWAY, error.to_string()),
    }
}

/// How a login stands that was begun.
pub(super) async fn state(State(api): State<Arc<Api>>, Path(name): Path<String>) -> Response {
    match api.logins.standing(&name) {
        Some(standing) => Json(standing).into_response(),
        None => complaint(StatusCode::NOT_FOUND, format!("no login of {name:?} was begun")),
    }
}

/// Ends a login: here, and at the service where that is possible.
pub(super) async fn end(State(api): State<Arc<Api>>, Path(name): Path<String>) -> Response {
    let Some(account) = api.logins.accounts.get(&name) else { return unknown(&name) };
    match api.logins.keeper.disconnect(&account).await {
        Ok(complaint) => {
            api.logins.enter(&name, Standing::Failed { reason: "it was ended here".to_owned() });
            Json(json!({ "forgotten": true, "at_the_service": complaint })).into_response()
        }
        Err(error) => complaint(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

fn unknown(name: &str) -> Response {
    complaint(StatusCode::NOT_FOUND, format!("there is no account {name:?}"))
}
