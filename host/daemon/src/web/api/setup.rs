//! `/api/v1/setup`: the first member, with the one-time code that the daemon printed.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use playrelay_store::{Member, Role};
use playrelay_util::clock;
use playrelay_util::secret::Secret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::web::access::forwarded::Origin;
use crate::web::access::setup::Checked;
use crate::web::access::{passwords, sessions};
use crate::web::api::context::Api;
use crate::web::api::extract::Json;
use crate::web::api::members::{check_name, hash_password};
use crate::web::api::problem::{Problem, ProblemCode, Problems};
use crate::web::api::sessions::{SessionView, session_problem};
use crate::web::attempt_limiter::network;

/// Whether the set-up is still to be done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SetupState {
    /// Whether there are no members yet.
    #[schema(example = false)]
    needed: bool,
}

/// The first member.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FirstMember {
    /// The code that `playrelay serve` printed.
    #[schema(example = "K7QF-93MD")]
    code: String,
    /// The name to log in with.
    #[schema(example = "ada", min_length = 1, max_length = 64)]
    name: String,
    /// The password: 10 letters or more.
    #[schema(example = "three words in a row", min_length = 10)]
    password: String,
}

/// Whether the set-up is still to be done.
#[utoipa::path(
    get,
    path = "/api/v1/setup",
    tag = "access",
    responses((status = 200, body = SetupState), Problems)
)]
pub(crate) async fn state(State(api): State<Arc<Api>>) -> Result<axum::Json<SetupState>, Problem> {
    Ok(axum::Json(SetupState { needed: api.access.needs_setup().await? }))
}

/// Adds the first member, with the role admin, and logs them in.
#[utoipa::path(
    post,
    path = "/api/v1/setup",
    tag = "access",
    request_body = FirstMember,
    responses((status = 201, body = SessionView), Problems)
)]
pub(crate) async fn finish(
    State(api): State<Arc<Api>>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
    Json(first): Json<FirstMember>,
) -> Result<Response, Problem> {
    let password = Secret::new(first.password);
    let cookie = add_first_member(&api, &origin, &headers, &first.code, &first.name, password).await?;
    let view = SessionView::of_role(&first.name, Role::Admin);
    Ok((StatusCode::CREATED, [(header::SET_COOKIE, cookie)], axum::Json(view)).into_response())
}

/// Adds the first member, and logs them in. Gives the header that has the browser keep the session.
pub(in crate::web) async fn add_first_member(
    api: &Api,
    origin: &Origin,
    headers: &HeaderMap,
    code: &str,
    name: &str,
    password: Secret,
) -> Result<HeaderValue, Problem> {
    let done = || Problem::not_found("the set-up is done", "log in at /api/v1/login");
    if !api.access.needs_setup().await? {
        return Err(done());
    }
    let client = network(origin.client);
    if let Some(left) = api.access.clients().locked(&client) {
        return Err(Problem::locked(left));
    }
    let checked = api.access.setup_code().check(code);
    match checked.map_err(|error| Problem::internal(error.to_string()))? {
        Checked::Right => {}
        Checked::None => return Err(done()),
        checked @ (Checked::Wrong | Checked::Replaced(_)) => {
            if let Checked::Replaced(code) = checked {
                tracing::warn!("the code of the set-up was guessed at; the new code is {}", code.expose());
            }
            if let Some(left) = api.access.clients().failed(client) {
                return Err(Problem::locked(left));
            }
            return Err(Problem::new(
                ProblemCode::Unauthorized,
                "the code is wrong",
                "read it in the output of `playrelay serve`, or in the log of the container",
            ));
        }
    }
    check_name(name)?;
    passwords::check_new(&password, name)
        .map_err(|error| Problem::new(ProblemCode::Invalid, error.to_string(), ""))?;
    let member = Member {
        name: name.to_owned(),
        role: Role::Admin,
        password: Some(hash_password(api, &password).await?),
        subject: None,
        created_at: clock::now(),
    };
    if !api.store().add_first_member(member).await? {
        return Err(done());
    }
    api.access.setup_code().end();
    tracing::info!(member = name, "the set-up is done");
    let token = sessions::begin(&api.access, name, headers).await.map_err(session_problem)?;
    let cookie = sessions::set_cookie(&token, origin, api.access.config().session_length);
    cookie.ok_or_else(|| Problem::internal("the cookie cannot be written"))
}
