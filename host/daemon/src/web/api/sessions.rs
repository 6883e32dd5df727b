//! `/api/v1/login`, `/logout`, `/session`, `/sessions`, `/password`: logins in browsers.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use playrelay_store::{Role, Scope};
use playrelay_util::clock;
use playrelay_util::secret::Secret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::web::access::forwarded::Origin;
use crate::web::access::principal::{Identity, Principal};
use crate::web::access::sessions::SessionError;
use crate::web::access::{passwords, random, sessions};
use crate::web::api::context::Api;
use crate::web::api::extract::{Json, Path};
use crate::web::api::members::hash_password;
use crate::web::api::problem::{Problem, ProblemCode, Problems};

/// A name and a password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    /// The member's name.
    #[schema(example = "ada")]
    name: String,
    /// The password.
    #[schema(example = "three words in a row")]
    password: String,
}

/// Who sends the request.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionView {
    /// The name of the member, the token or the user of the proxy.
    #[schema(example = "ada")]
    name: String,
    /// `admin`, `viewer` or `person`; absent for a token of other scopes.
    #[schema(example = "admin")]
    role: Option<&'static str>,
    /// What the sender may do: `own`, `read`, `control`, `admin`, `ingest`.
    #[schema(example = json!(["read", "control", "admin", "ingest"]))]
    scopes: Vec<&'static str>,
    /// How the sender is known: `session`, `token`, `admin-token`, `admin-password`, `proxy`.
    #[schema(example = "session")]
    by: &'static str,
}

impl SessionView {
    /// A member who has just logged in.
    pub(crate) fn of_role(name: &str, role: Role) -> Self {
        let identity = Identity::Session { hash: [0; 32], name: name.to_owned() };
        Self::from(&Principal::with_role(identity, role))
    }
}

impl From<&Principal> for SessionView {
    fn from(principal: &Principal) -> Self {
        let scopes = principal.scopes();
        let role = match scopes {
            [Scope::Own] => Some(Role::Person),
            [Scope::Read] => Some(Role::Viewer),
            scopes if scopes.contains(&Scope::Admin) => Some(Role::Admin),
            _ => None,
        };
        let by = match principal.identity {
            Identity::Session { .. } => "session",
            Identity::ApiToken { .. } => "token",
            Identity::AdminToken => "admin-token",
            Identity::AdminPassword => "admin-password",
            Identity::Proxy { .. } | Identity::Monitoring => "proxy",
        };
        Self {
            name: principal.name().to_owned(),
            role: role.map(Role::as_str),
            scopes: scopes.iter().map(|scope| scope.as_str()).collect(),
            by,
        }
    }
}

/// A login in a browser.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BrowserSession {
    /// The id, to end it.
    #[schema(example = "0f3a1b2c4d5e6f70")]
    id: String,
    /// The member.
    #[schema(example = "ada")]
    member: String,
    /// The browser, as it names itself.
    #[schema(example = "Mozilla/5.0")]
    device: String,
    /// When it began.
    created_at: Timestamp,
    /// When it was last used, to a few minutes.
    seen_at: Timestamp,
    /// When it ends unless it is used.
    expires_at: Timestamp,
    /// Whether it is that of the request.
    current: bool,
}

/// All logins in browsers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BrowserSessions {
    /// Those used last first.
    items: Vec<BrowserSession>,
}

/// Two passwords.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordChange {
    /// The password until now.
    #[schema(example = "three words in a row")]
    current: String,
    /// The password from now on: 10 letters or more.
    #[schema(example = "four words in a row", min_length = 10)]
    new: String,
}

/// Logs a member in, and gives the browser a cookie.
#[utoipa::path(
    post,
    path = "/api/v1/login",
    tag = "access",
    request_body = Credentials,
    responses((status = 200, body = SessionView), Problems)
)]
pub(crate) async fn log_in(
    State(api): State<Arc<Api>>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
    Json(given): Json<Credentials>,
) -> Result<Response, Problem> {
    let password = Secret::new(given.password);
    let member = sessions::check_password(&api.access, &origin, &given.name, &password).await;
    let member = member.map_err(session_problem)?;
    let token = sessions::begin(&api.access, &member.name, &headers).await.map_err(session_problem)?;
    let cookie = sessions::set_cookie(&token, &origin, api.access.config().session_length);
    let cookie = cookie.ok_or_else(|| Problem::internal("the cookie cannot be written"))?;
    let view = SessionView::of_role(&member.name, member.role);
    Ok(([(header::SET_COOKIE, cookie)], axum::Json(view)).into_response())
}

/// Ends the login of the request.
#[utoipa::path(
    post,
    path = "/api/v1/logout",
    tag = "access",
    responses((status = 204, description = "The login has ended"), Problems)
)]
pub(crate) async fn log_out(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Extension(origin): Extension<Origin>,
) -> Result<Response, Problem> {
    if let Identity::Session { hash, .. } = principal.identity {
        sessions::finish(&api.access, hash).await?;
    }
    let cookie = sessions::clear_cookie(&origin);
    let cookie = cookie.ok_or_else(|| Problem::internal("the cookie cannot be written"))?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

/// Who sends the request, and what they may do.
#[utoipa::path(
    get,
    path = "/api/v1/session",
    tag = "access",
    responses((status = 200, body = SessionView), Problems)
)]
pub(crate) async fn current(Extension(principal): Extension<Principal>) -> axum::Json<SessionView> {
    axum::Json(SessionView::from(&principal))
}

/// Changes the password of the member who is logged in. Their other logins end.
#[utoipa::path(
    put,
    path = "/api/v1/password",
    tag = "access",
    request_body = PasswordChange,
    responses((status = 204, description = "The password is changed"), Problems)
)]
pub(crate) async fn change_password(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Extension(origin): Extension<Origin>,
    Json(change): Json<PasswordChange>,
) -> Result<StatusCode, Problem> {
    let Identity::Session { hash, name } = &principal.identity else {
        return Err(Problem::new(
            ProblemCode::Conflict,
            "only a member who is logged in has a password here",
            "log in at /api/v1/login; an admin changes another's password at /api/v1/members/NAME",
        ));
    };
    let current = Secret::new(change.current);
    let member = sessions::check_password(&api.access, &origin, name, &current).await;
    let mut member = member.map_err(session_problem)?;
    let new = Secret::new(change.new);
    passwords::check_new(&new, name)
        .map_err(|error| Problem::new(ProblemCode::Invalid, error.to_string(), ""))?;
    member.password = Some(hash_password(&api, &new).await?);
    api.store().change_member(member, Some(*hash)).await?;
    api.access.revoke();
    Ok(StatusCode::NO_CONTENT)
}

/// All logins in browsers.
#[utoipa::path(
    get,
    path = "/api/v1/sessions",
    tag = "access",
    responses((status = 200, body = BrowserSessions), Problems)
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
) -> Result<axum::Json<BrowserSessions>, Problem> {
    let open = api.store().web_sessions(None, clock::now()).await?;
    let mine = match principal.identity {
        Identity::Session { hash, .. } => Some(hash),
        _ => None,
    };
    let items = open.into_iter().map(|session| BrowserSession {
        id: random::id(&session.hash),
        current: mine == Some(session.hash),
        member: session.member,
        device: session.device,
        created_at: session.created_at,
        seen_at: session.seen_at,
        expires_at: session.expires_at,
    });
    Ok(axum::Json(BrowserSessions { items: items.collect() }))
}

/// Ends a login in a browser, and what it has open.
#[utoipa::path(
    delete,
    path = "/api/v1/sessions/{id}",
    tag = "access",
    params(("id" = String, Path, description = "The id, as the list has it", example = "0f3a1b2c4d5e6f70")),
    responses((status = 204, description = "The login has ended"), Problems)
)]
pub(crate) async fn end(State(api): State<Arc<Api>>, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    let open = api.store().web_sessions(None, clock::now()).await?;
    let hash = open.iter().map(|session| session.hash).find(|hash| random::id(hash) == id);
    let hash = hash.ok_or_else(|| {
        Problem::not_found(format!("there is no login {id:?}"), "/api/v1/sessions lists them")
    })?;
    sessions::finish(&api.access, hash).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The problem of a login that failed.
pub(in crate::web) fn session_problem(error: SessionError) -> Problem {
    match error {
        SessionError::Locked(left) => Problem::locked(left),
        SessionError::Wrong => {
            let remedy = "try again; an admin can set another password, or the token of `playrelay token`";
            Problem::new(ProblemCode::Unauthorized, error.to_string(), remedy)
        }
        SessionError::Store(error) => error.into(),
        SessionError::Password(_) | SessionError::Random(_) => Problem::internal(error.to_string()),
    }
}
