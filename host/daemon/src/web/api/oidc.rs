//! `/api/v1/login/oidc`: logins at an OpenID provider.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use playrelay_util::secret::Secret;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::web::access::forwarded::Origin;
use crate::web::access::oidc::error::OidcError;
use crate::web::access::oidc::login::{self, Callback};
use crate::web::access::sessions;
use crate::web::api::context::Api;
use crate::web::api::extract::Query;
use crate::web::api::problem::{Problem, ProblemCode, Problems};
use crate::web::api::sessions::session_problem;
use crate::web::attempt_limiter::network;

/// What the provider sends along.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CallbackQuery {
    /// The code, to be exchanged for tokens.
    #[param(example = "SplxlOBeZQQYbYS6WxSbIA")]
    code: Option<String>,
    /// What Playrelay sent along.
    #[param(example = "af0ifjsldkj")]
    state: Option<String>,
    /// The issuer (RFC 9207).
    #[param(example = "https://auth.example.com")]
    iss: Option<String>,
    /// Why the provider refuses.
    #[param(example = "access_denied")]
    error: Option<String>,
    /// The same in words.
    #[param(example = "The user said no")]
    error_description: Option<String>,
}

/// Begins a login at the OpenID provider: leads the browser there.
#[utoipa::path(
    get,
    path = "/api/v1/login/oidc",
    tag = "access",
    responses((status = 303, description = "The provider's address is in `Location`"), Problems)
)]
pub(crate) async fn begin(
    State(api): State<Arc<Api>>,
    Extension(origin): Extension<Origin>,
) -> Result<Response, Problem> {
    let begun = login::begin(&api.access, &origin).await.map_err(problem)?;
    let address = HeaderValue::from_str(begun.address.as_str());
    let address = address.map_err(|_| Problem::internal("the address of the provider cannot be written"))?;
    let cookie = begun.cookie.ok_or_else(|| Problem::internal("the cookie cannot be written"))?;
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, address), (header::SET_COOKIE, cookie)]).into_response())
}

/// Ends a login at the OpenID provider: it sends the browser here.
#[utoipa::path(
    get,
    path = "/api/v1/login/oidc/callback",
    tag = "access",
    params(CallbackQuery),
    responses((status = 303, description = "The member is logged in; the first page is in `Location`"), Problems)
)]
pub(crate) async fn finish(
    State(api): State<Arc<Api>>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
    Query(query): Query<CallbackQuery>,
) -> Result<Response, Problem> {
    let client = network(origin.client);
    if let Some(left) = api.access.clients().locked(&client) {
        return Err(Problem::locked(left));
    }
    let callback = Callback {
        code: query.code.map(Secret::new),
        state: query.state,
        issuer: query.iss,
        error: query.error.map(|error| match query.error_description {
            Some(words) => format!("{error}: {words}"),
            None => error,
        }),
    };
    let member = login::finish(&api.access, &headers, callback).await.map_err(|error| {
        tracing::warn!(%client, "a login at the OpenID provider failed: {error}");
        // A stranger could have the provider asked again and again.
        if matches!(error, OidcError::Provider { .. } | OidcError::Token(_)) {
            api.access.clients().failed(client);
        }
        problem(error)
    })?;
    let token = sessions::begin(&api.access, &member.name, &headers).await.map_err(session_problem)?;
    let session = sessions::set_cookie(&token, &origin, api.access.config().session_length);
    let (Some(session), Some(begun)) = (session, login::clear_cookie(&origin)) else {
        return Err(Problem::internal("the cookie cannot be written"));
    };
    let home = HeaderValue::from_str(&format!("{}/", origin.base));
    let home = home.map_err(|_| Problem::internal("the address of the first page cannot be written"))?;
    let cookies = AppendHeaders([(header::SET_COOKIE, session), (header::SET_COOKIE, begun)]);
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, home)], cookies).into_response())
}

fn problem(error: OidcError) -> Problem {
    let detail = error.to_string();
    let (code, remedy) = match error {
        OidcError::Absent => (
            ProblemCode::NotFound,
            "set `issuer` and `client_id` in [access.oidc], or log in with a password",
        ),
        OidcError::Provider { .. } => (
            ProblemCode::Upstream,
            "see that the provider runs, that `issuer`, `client_id` and `client_secret` in [access.oidc] are its own, and that it allows the \
             redirect to <public_url>/api/v1/login/oidc/callback",
        ),
        OidcError::Refused(_) => {
            (ProblemCode::Unauthorized, "log in at the provider as somebody who may use Playrelay")
        }
        OidcError::Stranger => {
            (ProblemCode::InvalidRequest, "begin once more at /api/v1/login/oidc, in the same browser")
        }
        OidcError::Token(_) => (
            ProblemCode::Unauthorized,
            "begin once more at /api/v1/login/oidc; if it fails again, compare `issuer` and `client_id` in [access.oidc] and the clocks of both \
             machines",
        ),
        OidcError::Nameless(_) => (
            ProblemCode::Forbidden,
            "set `name_claim` in [access.oidc] to a claim that the provider sends, and `scopes` to the scopes that give it",
        ),
        OidcError::NotAllowed(_) => (
            ProblemCode::Forbidden,
            "an admin can add the name to `allowed_users`, or a group to `allowed_groups`, in [access.oidc]",
        ),
        OidcError::NameTaken(_) => (
            ProblemCode::Conflict,
            "an admin can remove the member of this name, or set another `name_claim` in [access.oidc]",
        ),
        OidcError::NoAdmin(_) => (
            ProblemCode::Conflict,
            "finish the set-up, or log in first as somebody whom `admin_users` or `admin_groups` in [access] names",
        ),
        OidcError::Store(error) => return error.into(),
        OidcError::Random(_) => return Problem::internal(detail),
    };
    Problem::new(code, detail, remedy)
}
