//! `/api/v1/accounts`: logins, for pages. A login that was begun goes on by itself; a page asks how it stands.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Api, complaint};
use crate::clock;
use crate::delivery::device::{self, LoginError, Prompt};
use crate::delivery::guided::{self, GuidedLogin, Next};
use crate::delivery::logins::LoginKeeper;
use crate::plugins::account::{Account, Accounts};
use crate::plugins::call::Caller;
use crate::plugins::manifest::{Login, PluginLogin};
use crate::plugins::registry::Plugins;
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
    /// The user is to choose one.
    Choosing {
        /// Their ids and names.
        choices: Vec<Choice>,
    },
    /// It is stored.
    Granted,
    /// It is not, and why.
    Failed {
        /// In words.
        reason: String,
    },
}

/// One of several.
#[derive(Clone, Debug, Serialize)]
struct Choice {
    id: String,
    label: String,
}

/// What a page asks for to begin a login.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    /// The way to log in; the first one where there are several and none is named.
    method: Option<String>,
    /// What the user typed.
    #[serde(default)]
    form: BTreeMap<String, String>,
}

/// What a user has chosen.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Chosen {
    id: String,
}

/// The logins that are under way.
#[derive(Default)]
pub struct Logins {
    /// How they stand, each with its number: one that is begun anew takes the place of the one before.
    standings: HashMap<String, (u64, Standing)>,
    /// Those that wait for their user to choose.
    choosing: HashMap<String, GuidedLogin>,
}

/// Where logins are begun.
pub struct LoginDesk {
    /// The accounts.
    pub accounts: Accounts,
    /// Their plugins.
    pub plugins: Arc<Plugins>,
    /// Where logins are kept.
    pub keeper: Arc<LoginKeeper>,
    /// Where it is said how accounts stand.
    pub store: SharedStore,
    /// Those that are under way.
    pub under_way: Arc<Mutex<Logins>>,
}

impl LoginDesk {
    fn caller(&self, account: &Arc<Account>) -> Caller {
        let kv = self.store.clone();
        Caller { account: Arc::clone(account), kv, received_at: clock::now(), masks: None }
    }

    /// Begins a login by the plugin's own code.
    async fn guide(
        &self,
        account: &Arc<Account>,
        login: &PluginLogin,
        wish: Wish,
    ) -> Result<Standing, LoginError> {
        let plugin = self.plugins.active(&account.manifest.plugin.id);
        let plugin = plugin.ok_or_else(|| LoginError::NoLogin(account.name.clone()))?;
        let method = guided::method(login, wish.method.as_deref())?;
        let caller = self.caller(account);
        let (login, next) =
            GuidedLogin::begin(Arc::clone(plugin), caller, method, wish.form, &self.keeper).await?;
        Ok(self.go_on(&account.name, login, next).await)
    }

    /// Shows what is next, and waits for it.
    async fn go_on(&self, name: &str, login: GuidedLogin, next: Next) -> Standing {
        let begun = Standing::Failed { reason: "it is being begun".to_owned() };
        let number = self.enter(name, begun);
        self.waiting(name, number).guided(login, next, None).await
    }

    fn waiting(&self, name: &str, number: u64) -> Waiting {
        Waiting {
            name: name.to_owned(),
            keeper: Arc::clone(&self.keeper),
            store: Arc::clone(&self.store),
            under_way: Arc::clone(&self.under_way),
            number,
        }
    }

    fn standing(&self, name: &str) -> Option<Standing> {
        let standings = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        standings.standings.get(name).map(|(_, standing)| standing.clone())
    }

    async fn begin(&self, account: &Arc<Account>, wish: Wish) -> Result<Standing, LoginError> {
        if let Some(login) = guided::methods(account) {
            return self.guide(account, login, wish).await;
        }
        let prompt = device::begin(account).await?;
        let expires = SignedDuration::try_from(prompt.expires_in).unwrap_or(SignedDuration::MAX);
        let standing = Standing::Pending {
            url: prompt.url.clone(),
            complete_url: prompt.complete_url.clone(),
            code: prompt.code.clone(),
            expires_at: clock::now().saturating_add(expires).unwrap_or(Timestamp::MAX),
        };
        let number = self.enter(&account.name, standing.clone());
        tokio::spawn(self.waiting(&account.name, number).run(Arc::clone(account), prompt));
        Ok(standing)
    }

    /// A login that is begun anew takes the place of the one before.
    fn enter(&self, name: &str, standing: Standing) -> u64 {
        let mut standings = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let number = standings.standings.get(name).map_or(0, |(number, _)| number + 1);
        standings.standings.insert(name.to_owned(), (number, standing));
        standings.choosing.remove(name);
        number
    }
}

/// A login that waits for its user.
struct Waiting {
    name: String,
    keeper: Arc<LoginKeeper>,
    store: SharedStore,
    under_way: Arc<Mutex<Logins>>,
    number: u64,
}

impl Waiting {
    /// Shows what is next of a login by the plugin's own code, and goes on by itself where it waits for the user. `before` is what
    /// is shown while nothing new is.
    fn guided(
        self,
        mut login: GuidedLogin,
        next: Next,
        before: Option<Duration>,
    ) -> BoxFuture<'static, Standing> {
        Box::pin(async move {
            let (under_way, name, number) = (Arc::clone(&self.under_way), self.name.clone(), self.number);
            login.while_wanted(move || is_current(&under_way, &name, number));
            let interval = match &next {
                Next::Prompt(prompt) => Duration::from_secs(prompt.interval_s.max(1).into()),
                _ => before.unwrap_or(Duration::from_secs(1)),
            };
            let standing = match next {
                Next::Granted => self.granted().await,
                Next::Choose(choices) => {
                    let choices = choices.into_iter().map(|(id, label)| Choice { id, label }).collect();
                    let standing = Standing::Choosing { choices };
                    self.show(standing.clone());
                    let mut standings = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
                    standings.choosing.insert(self.name.clone(), login);
                    return standing;
                }
                Next::Prompt(prompt) => {
                    let expires = SignedDuration::from_secs(prompt.expires_s.into());
                    let standing = Standing::Pending {
                        url: prompt.url,
                        complete_url: prompt.complete_url,
                        code: prompt.code,
                        expires_at: clock::now().saturating_add(expires).unwrap_or(Timestamp::MAX),
                    };
                    self.show(standing.clone());
                    let end = Instant::now() + Duration::from_secs(prompt.expires_s.into());
                    tokio::spawn(async move {
                        loop {
                            tokio::time::sleep(interval).await;
                            if !self.is_current() {
                                return;
                            }
                            if Instant::now() >= end {
                                self.show(Standing::Failed { reason: LoginError::Expired.to_string() });
                                return;
                            }
                            match login.poll(&self.keeper).await {
                                Ok(Next::Pending) => {}
                                Ok(next) => {
                                    self.guided(login, next, Some(interval)).await;
                                    return;
                                }
                                Err(LoginError::Http(error)) => {
                                    tracing::warn!(account = self.name, "{error}");
                                }
                                Err(error) => {
                                    self.show(Standing::Failed { reason: error.to_string() });
                                    return;
                                }
                            }
                        }
                    });
                    return standing;
                }
                Next::Pending => Standing::Failed {
                    reason: "the plugin waits for something, and does not say what".to_owned(),
                },
            };
            self.show(standing.clone());
            standing
        })
    }

    async fn granted(&self) -> Standing {
        match self.store.park(&self.name, None).await {
            Ok(()) => Standing::Granted,
            Err(error) => Standing::Failed { reason: error.to_string() },
        }
    }

    /// Shows how it stands, unless another one has taken its place.
    fn show(&self, standing: Standing) {
        let mut standings = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) =
            standings.standings.get_mut(&self.name).filter(|(number, _)| *number == self.number)
        {
            entry.1 = standing;
        }
    }

    async fn run(self, account: Arc<Account>, mut prompt: Prompt) {
        let standing = loop {
            tokio::time::sleep(prompt.interval).await;
            if !self.is_current() {
                return;
            }
            match device::ask(&account, &self.keeper, &mut prompt).await {
                Ok(false) => {}
                // It was ended, or begun anew, while the service was asked: this one is not wanted any more.
                Ok(true) if !self.is_current() => {
                    if let Err(error) = self.keeper.disconnect(&account).await {
                        tracing::warn!(account = self.name, "a login that was ended is still kept: {error}");
                    }
                    return;
                }
                Ok(true) => break self.granted().await,
                Err(error) => break Standing::Failed { reason: error.to_string() },
            }
        };
        self.show(standing);
    }

    fn is_current(&self) -> bool {
        is_current(&self.under_way, &self.name, self.number)
    }
}

/// Whether a login was neither ended nor begun anew.
fn is_current(under_way: &Mutex<Logins>, name: &str, number: u64) -> bool {
    let logins = under_way.lock().unwrap_or_else(PoisonError::into_inner);
    logins.standings.get(name).is_some_and(|(current, _)| *current == number)
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
        "login_methods": guided::methods(account).map(|login| &login.methods),
        "requests_a_day": left.map(|(_, allowed)| allowed), "login": api.logins.standing(name),
    }))
}

/// Begins a login. The body says how, where the plugin has several ways or a form.
pub(super) async fn begin(State(api): State<Arc<Api>>, Path(name): Path<String>, body: Bytes) -> Response {
    let Some(account) = api.logins.accounts.get(&name) else { return unknown(&name) };
    let wish = match body.is_empty() {
        true => Wish::default(),
        false => match serde_json::from_slice(&body) {
            Ok(wish) => wish,
            Err(error) => {
                return complaint(StatusCode::BAD_REQUEST, format!("the body cannot be read: {error}"));
            }
        },
    };
    match api.logins.begin(&account, wish).await {
        Ok(standing) => (StatusCode::ACCEPTED, Json(standing)).into_response(),
        Err(error) => complaint(StatusCode::BAD_GATEWAY, error.to_string()),
    }
}

/// Goes on with what the user has chosen.
pub(super) async fn choose(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
    Json(chosen): Json<Chosen>,
) -> Response {
    let login = {
        let mut logins = api.logins.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        logins.choosing.remove(&name)
    };
    let Some(mut login) = login else {
        return complaint(StatusCode::CONFLICT, format!("the login of {name:?} does not wait for a choice"));
    };
    match login.choose(&chosen.id, &api.logins.keeper).await {
        Ok(next) => Json(api.logins.go_on(&name, login, next).await).into_response(),
        Err(error) => {
            api.logins.enter(&name, Standing::Failed { reason: error.to_string() });
            complaint(StatusCode::BAD_GATEWAY, error.to_string())
        }
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
    let remains = match (&account.manifest.login, api.logins.plugins.active(&account.manifest.plugin.id)) {
        (Some(Login::Plugin(_)), Some(plugin)) if account.needs_login() => {
            guided::revoke(plugin, &api.logins.caller(&account)).await
        }
        _ => None,
    };
    match api.logins.keeper.disconnect(&account).await {
        Ok(complaint) => {
            let complaint = complaint.or(remains);
            api.logins.enter(&name, Standing::Failed { reason: "it was ended here".to_owned() });
            Json(json!({ "forgotten": true, "at_the_service": complaint })).into_response()
        }
        Err(error) => complaint(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

fn unknown(name: &str) -> Response {
    complaint(StatusCode::NOT_FOUND, format!("there is no account {name:?}"))
}
