//! `/api/v1/tokens`: tokens of programs.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use playrelay_store::{ApiToken, Scope};
use playrelay_util::clock;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::web::access::principal::Principal;
use crate::web::access::random::{self, API_TOKEN_PREFIX};
use crate::web::api::context::Api;
use crate::web::api::extract::{Json, Path};
use crate::web::api::idempotency::Claimed;
use crate::web::api::problem::{Problem, ProblemCode, Problems};

/// Letters of a name.
const MAX_NAME: usize = 100;
/// Tokens that there may be.
const MAX_TOKENS: usize = 200;

/// A token of a program.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokenView {
    /// The id, to remove it.
    #[schema(example = "0f3a1b2c4d5e6f70")]
    id: String,
    /// What it is for.
    #[schema(example = "Home Assistant")]
    name: String,
    /// What it may do: `read`, `control`, `admin`, `ingest`.
    #[schema(example = json!(["read"]))]
    scopes: Vec<&'static str>,
    /// When it was made.
    created_at: Timestamp,
    /// When it was last used, to a few minutes; absent if never.
    used_at: Option<Timestamp>,
    /// From when on it is refused; absent if never.
    expires_at: Option<Timestamp>,
}

impl From<&ApiToken> for TokenView {
    fn from(token: &ApiToken) -> Self {
        Self {
            id: token.id.clone(),
            name: token.name.clone(),
            scopes: token.scopes.iter().map(|scope| scope.as_str()).collect(),
            created_at: token.created_at,
            used_at: token.used_at,
            expires_at: token.expires_at,
        }
    }
}

/// All tokens of programs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Tokens {
    /// The oldest first.
    items: Vec<TokenView>,
}

/// What a token may do.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ScopeName {
    /// See what plays, what became of it and how all stands.
    Read,
    /// Also change deliveries and users.
    Control,
    /// Everything.
    Admin,
    /// Send webhooks to any source.
    Ingest,
}

impl From<ScopeName> for Scope {
    fn from(name: ScopeName) -> Self {
        match name {
            ScopeName::Read => Self::Read,
            ScopeName::Control => Self::Control,
            ScopeName::Admin => Self::Admin,
            ScopeName::Ingest => Self::Ingest,
        }
    }
}

/// A token to make.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewToken {
    /// What it is for.
    #[schema(example = "Home Assistant", min_length = 1, max_length = 100)]
    name: String,
    /// What it may do: at least one.
    #[schema(example = json!(["read"]), min_items = 1)]
    scopes: Vec<ScopeName>,
    /// From when on it is refused; absent if never.
    expires_at: Option<Timestamp>,
}

/// A token that was made. It is shown this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreatedToken {
    /// The token, with `pr_` at its beginning.
    #[schema(example = "pr_0000000000000000000000000000000000000000000")]
    token: String,
    #[serde(flatten)]
    facts: TokenView,
}

/// All tokens of programs.
#[utoipa::path(
    get,
    path = "/api/v1/tokens",
    tag = "access",
    responses((status = 200, body = Tokens), Problems)
)]
pub(crate) async fn list(State(api): State<Arc<Api>>) -> Result<axum::Json<Tokens>, Problem> {
    let tokens = api.store().api_tokens().await?;
    Ok(axum::Json(Tokens { items: tokens.iter().map(TokenView::from).collect() }))
}

/// Makes a token for a program. It is shown this once.
#[utoipa::path(
    post,
    path = "/api/v1/tokens",
    tag = "access",
    request_body = NewToken,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request harmless", min_length = 1, max_length = 200, pattern = "^[!-~]+$", example = "a2")),
    responses((status = 201, body = CreatedToken), Problems)
)]
pub(crate) async fn create(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    headers: HeaderMap,
    Json(new): Json<NewToken>,
) -> Result<Response, Problem> {
    let claim = match api.limits.idempotency.claim(&headers, &principal, "/api/v1/tokens", &new)? {
        Claimed::Answered(body) => return Ok((StatusCode::CREATED, axum::Json(body)).into_response()),
        Claimed::First(claim) => claim,
    };
    let invalid = |detail: String| Problem::new(ProblemCode::Invalid, detail, "");
    let letters = new.name.trim().chars().count();
    if !(1..=MAX_NAME).contains(&letters) || new.name.chars().any(char::is_control) {
        return Err(invalid(format!("the name has {letters} letters; expected 1 to {MAX_NAME}")));
    }
    let now = clock::now();
    if new.scopes.is_empty() {
        return Err(invalid(
            "the token may do nothing; expected one of read, control, admin, ingest".to_owned(),
        ));
    }
    if new.expires_at.is_some_and(|end| end <= now) {
        return Err(invalid(
            "the token would have expired already; expected a later `expires_at`".to_owned(),
        ));
    }
    if api.store().api_tokens().await?.len() >= MAX_TOKENS {
        let detail = format!("there are {MAX_TOKENS} tokens");
        return Err(Problem::new(ProblemCode::Conflict, detail, "remove one that is not used any more"));
    }
    let secret = random::token().map_err(|error| Problem::internal(error.to_string()))?;
    let secret = format!("{API_TOKEN_PREFIX}{}", secret.expose());
    let hash = random::hash(&secret);
    let mut scopes = new.scopes.clone();
    scopes.sort_unstable();
    scopes.dedup();
    let token = ApiToken {
        id: random::id(&hash),
        hash,
        name: new.name.trim().to_owned(),
        scopes: scopes.into_iter().map(Scope::from).collect(),
        created_at: now,
        used_at: None,
        expires_at: new.expires_at,
    };
    api.store().add_api_token(token.clone()).await?;
    tracing::info!(by = principal.name(), name = token.name, "a token was made");
    let created = CreatedToken { token: secret, facts: TokenView::from(&token) };
    claim.answer(&created);
    Ok((StatusCode::CREATED, axum::Json(created)).into_response())
}

/// Removes a token: it is refused from now on.
#[utoipa::path(
    delete,
    path = "/api/v1/tokens/{id}",
    tag = "access",
    params(("id" = String, Path, description = "The id, as the list has it", example = "0f3a1b2c4d5e6f70")),
    responses((status = 204, description = "The token is removed"), Problems)
)]
pub(crate) async fn remove(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    if !api.store().remove_api_token(&id).await? {
        return Err(Problem::not_found(format!("there is no token {id:?}"), "/api/v1/tokens lists them"));
    }
    api.access.revoke();
    Ok(StatusCode::NO_CONTENT)
}
