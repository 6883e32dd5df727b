//! `/api/v1/accounts`: accounts at servers and trackers, and their logins. A login that was begun goes on by itself; a page asks how it
//! stands.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use playrelay_plugin_host::account::Account;
use playrelay_plugin_host::manifest::LoginMethod;
use playrelay_store::AccountPause;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::auth::device_flow::LoginError;
use crate::auth::pending::{BeginLogin, LoginState};
use crate::auth::plugin_flow;
use crate::web::api::context::Api;
use crate::web::api::extract;
use crate::web::api::extract::{OptionalJson, Path};
use crate::web::api::problem::{Problem, ProblemCode, Problems};

/// The choice of a user.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Chosen {
    /// The id of one of the `choices`.
    #[schema(example = "machine-1")]
    id: String,
}

/// How a login begins.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes the body for the OpenAPI document")]
pub(crate) struct LoginRequest {
    /// The way to log in, one of `login_methods`; the first one where none is named.
    #[schema(example = "code")]
    method: Option<String>,
    /// The values of the method's form, by the keys of its fields.
    #[schema(value_type = Option<Object>)]
    form: Option<Value>,
}

/// An account at a server or a tracker.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccountView {
    /// The name in the configuration.
    #[schema(example = "bob")]
    name: String,
    /// The id of the plugin.
    #[schema(example = "diary")]
    plugin: String,
    /// Whether nothing goes without a login.
    needs_login: bool,
    /// Why nothing is sent now, in words; absent where something is.
    paused: Option<String>,
    /// Until when; absent where it is until a login.
    paused_until: Option<Timestamp>,
    /// Requests that are left today; absent where nobody counts.
    requests_left: Option<u32>,
    /// Requests that are allowed on a day; absent where nobody counts.
    requests_a_day: Option<u32>,
    /// The ways to log in, each with its form; absent where a code is the only one.
    #[schema(value_type = Option<Vec<Object>>)]
    login_methods: Option<Vec<LoginMethod>>,
    /// The login that was begun last; absent if none was.
    #[schema(value_type = Option<Object>)]
    login: Option<LoginState>,
}

/// All accounts.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccountList {
    /// By name.
    accounts: Vec<AccountView>,
}

/// What became of a logout.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LoggedOut {
    /// Whether there was a login.
    forgotten: bool,
    /// What stays valid at the service, and how to end it there; absent if nothing does.
    at_the_service: Option<String>,
    /// Whether a key in the configuration goes on to count.
    key_in_configuration: bool,
}

/// All accounts, and how each stands.
#[utoipa::path(
    get,
    path = "/api/v1/accounts",
    tag = "accounts",
    responses((status = 200, body = AccountList), Problems)
)]
pub(crate) async fn list(State(api): State<Arc<Api>>) -> Result<Json<AccountList>, Problem> {
    let mut accounts = Vec::new();
    for (name, account) in &api.logins.accounts.all() {
        accounts.push(describe(&api, name, account).await?);
    }
    Ok(Json(AccountList { accounts }))
}

async fn describe(api: &Api, name: &str, account: &Account) -> Result<AccountView, Problem> {
    let (paused, paused_until) = match api.store().pause(name).await? {
        None => (None, None),
        Some(AccountPause::Until { until, reason, .. } | AccountPause::Blocked { until, reason }) => {
            (Some(reason), Some(until))
        }
        Some(AccountPause::Login { reason }) => (Some(reason), None),
    };
    let left = match account.outbound.meter() {
        Some(meter) => {
            let left = meter.remaining().await;
            Some(left.map_err(|error| {
                Problem::new(ProblemCode::Unavailable, error.to_string(), "try again; the log says why")
            })?)
        }
        None => None,
    };
    Ok(AccountView {
        name: name.to_owned(),
        plugin: account.manifest.plugin.id.clone(),
        needs_login: account.needs_login(),
        paused,
        paused_until,
        requests_left: left.map(|(left, _)| left),
        requests_a_day: left.map(|(_, allowed)| allowed),
        login_methods: plugin_flow::methods(account).map(|login| login.methods.clone()),
        login: api.logins.status(name),
    })
}

/// Begins a login. The body says how, where the plugin has several ways or a form.
#[utoipa::path(
    post,
    path = "/api/v1/accounts/{name}/login",
    tag = "accounts",
    params(("name" = String, Path, description = "The account's name", example = "bob")),
    request_body = Option<LoginRequest>,
    responses((status = 202, body = Object, description = "The state of the login: `state` is beginning, pending (with `url`, `code`, `expires_at`), choosing (with `choices`), granted or failed (with `reason`)"), Problems)
)]
pub(crate) async fn begin_login(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
    OptionalJson(wish): OptionalJson<BeginLogin>,
) -> Result<(StatusCode, Json<LoginState>), Problem> {
    let account = api.logins.accounts.get(&name).ok_or_else(|| unknown(&name))?;
    match api.logins.begin(&account, wish).await {
        Ok(status) => Ok((StatusCode::ACCEPTED, Json(status))),
        Err(error @ LoginError::Form(_)) => Err(Problem::new(
            ProblemCode::InvalidRequest,
            error.to_string(),
            "see `login_methods` of the account",
        )),
        Err(error @ LoginError::NoLogin(_)) => {
            Err(Problem::new(ProblemCode::Conflict, error.to_string(), ""))
        }
        Err(error) => Err(Problem::new(ProblemCode::Upstream, error.to_string(), "")),
    }
}

/// Goes on with what the user has chosen.
#[utoipa::path(
    post,
    path = "/api/v1/accounts/{name}/login/choice",
    tag = "accounts",
    params(("name" = String, Path, description = "The account's name", example = "bob")),
    request_body = Chosen,
    responses((status = 200, body = Object, description = "The state of the login"), Problems)
)]
pub(crate) async fn choose(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
    extract::Json(chosen): extract::Json<Chosen>,
) -> Result<Json<LoginState>, Problem> {
    match api.logins.choose(&name, &chosen.id).await {
        Some(Ok(status)) => Ok(Json(status)),
        Some(Err(error)) => Err(Problem::new(ProblemCode::Upstream, error.to_string(), "")),
        None => {
            let detail = format!("no login for {name:?} is waiting for a choice");
            Err(Problem::new(ProblemCode::Conflict, detail, "begin a login first"))
        }
    }
}

/// How a login stands that was begun.
#[utoipa::path(
    get,
    path = "/api/v1/accounts/{name}/login",
    tag = "accounts",
    params(("name" = String, Path, description = "The account's name", example = "bob")),
    responses((status = 200, body = Object, description = "The state of the login"), Problems)
)]
pub(crate) async fn login_state(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
) -> Result<Json<LoginState>, Problem> {
    let state = api.logins.status(&name);
    state.map(Json).ok_or_else(|| Problem::not_found(format!("no login of {name:?} was begun"), "begin one"))
}

/// Ends a login: here, and at the service where that is possible.
#[utoipa::path(
    delete,
    path = "/api/v1/accounts/{name}/login",
    tag = "accounts",
    params(("name" = String, Path, description = "The account's name", example = "bob")),
    responses((status = 200, body = LoggedOut), Problems)
)]
pub(crate) async fn end_login(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
) -> Result<Json<LoggedOut>, Problem> {
    let account = api.logins.accounts.get(&name).ok_or_else(|| unknown(&name))?;
    match api.logins.end(&account).await {
        Ok(Some(outcome)) => Ok(Json(LoggedOut {
            forgotten: outcome.was_logged_in,
            at_the_service: outcome.remains,
            key_in_configuration: outcome.has_key,
        })),
        Ok(None) => Err(unknown(&name)),
        Err(error) => Err(Problem::internal(error.to_string())),
    }
}

fn unknown(name: &str) -> Problem {
    Problem::not_found(format!("there is no account {name:?}"), "/api/v1/accounts lists them")
}
