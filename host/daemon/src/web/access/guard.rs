//! The layer in front of the API and the pages: who sends a request, and whether they may.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use playrelay_store::{Role, StoreError};
use playrelay_util::clock;
use url::Url;

use crate::web::access::forwarded::Origin;
use crate::web::access::permissions::{self, Permission};
use crate::web::access::principal::{Identity, Principal};
use crate::web::access::random::{self, API_TOKEN_PREFIX};
use crate::web::access::{AccessControl, hosts, sessions};
use crate::web::api::problem::{Problem, ProblemCode};
use crate::web::attempt_limiter::network;
use crate::web::ingress::credentials;

/// Why nobody is let in.
enum Refused {
    /// The request carries nothing.
    Missing,
    /// The token, password or session is wrong, or has ended.
    Wrong,
    /// The client was wrong too often; nothing was compared.
    Locked(Duration),
    /// The database cannot be read.
    Store(StoreError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Locked(left) => Problem::locked(left).into_response(),
            Self::Store(error) => Problem::from(error).into_response(),
            Self::Missing | Self::Wrong => {
                let mut answer = Problem::new(
                    ProblemCode::Unauthorized,
                    "the request has no valid token, password or session",
                    "log in at /api/v1/login, or send a token as a bearer token or as the password of basic authentication: one \
                     that you made at /api/v1/tokens, the one that `playrelay token` shows, or `admin_password` of [server]",
                )
                .into_response();
                let challenge = header::HeaderValue::from_static("Basic realm=\"Playrelay\"");
                answer.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
                answer
            }
        }
    }
}

/// Lets a request through whose sender may do what its route asks for. Who that is stands in the request's extensions.
pub async fn authorize(
    State(access): State<Arc<AccessControl>>,
    mut request: Request,
    next: Next,
) -> Response {
    let origin = request.extensions().get::<Origin>().cloned();
    let Some(origin) = origin else {
        // Every request passes the front.
        return Problem::internal("the request did not pass the front").into_response();
    };
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    // An address that is not there is asked for like one that is: strangers do not learn what there is.
    let permission = match &route {
        Some(path) => permissions::of(request.method(), path),
        None => Some(Permission::Known),
    };
    let Some(permission) = permission else {
        return Problem::internal("the route has no permission").into_response();
    };
    let found = authenticate(&access, &origin, request.headers()).await;
    match found {
        Ok(principal) if principal.may(permission) => {
            if let Some(problem) = stranger(&access, request.headers()) {
                return problem.into_response();
            }
            request.extensions_mut().insert(principal);
        }
        Ok(principal) => {
            let detail = format!("{:?} may not do this", principal.name());
            let remedy = permission.remedy();
            return Problem::new(ProblemCode::Forbidden, detail, remedy).into_response();
        }
        // A wrong token is said even where none is needed: whoever sends one wants to know.
        Err(Refused::Missing | Refused::Store(_) | Refused::Wrong)
            if permission == Permission::Open && !has_authorization(request.headers()) =>
        {
            if let Some(problem) = stranger(&access, request.headers()) {
                return problem.into_response();
            }
        }
        Err(refused) => return refused.into_response(),
    }
    next.run(request).await
}

fn has_authorization(headers: &HeaderMap) -> bool {
    headers.contains_key(header::AUTHORIZATION)
}

/// Whether a browser was led here under a stranger's name. A program that sends a token was not.
fn stranger(access: &AccessControl, headers: &HeaderMap) -> Option<Problem> {
    if has_authorization(headers) {
        return None;
    }
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let app = access.app().get();
    let public = app.config.server.public_url.as_ref().and_then(|url| Url::parse(url).ok());
    let public = public.as_ref().and_then(Url::host_str);
    (!hosts::is_ours(host, public)).then(|| {
        Problem::new(
            ProblemCode::UnknownHost,
            format!("Playrelay does not answer to the name {host:?}"),
            "set `public_url` in [server] to the address in your browser, and restart the daemon",
        )
    })
}

/// Who sends a request.
async fn authenticate(
    access: &AccessControl,
    origin: &Origin,
    headers: &HeaderMap,
) -> Result<Principal, Refused> {
    if let Some(given) = presented_secret(headers) {
        return check_secret(access, origin.client, &given).await;
    }
    if has_authorization(headers) {
        return Err(Refused::Wrong);
    }
    let now = clock::now();
    if let Some(cookie) = sessions::cookie(headers) {
        let hash = random::hash(&cookie);
        if let Some((session, member)) = access.store().web_session(hash, now).await? {
            sessions::touch(access, &session, now).await?;
            return Ok(Principal::with_role(Identity::Session { hash, name: member.name }, member.role));
        }
    }
    let config = access.config();
    if let Some(user) = &origin.user {
        let role = if config.is_admin(&user.name, &user.groups) { Role::Admin } else { Role::Viewer };
        return Ok(Principal::with_role(Identity::Proxy { name: user.name.clone() }, role));
    }
    if config.is_monitoring(origin.client) {
        return Ok(Principal::new(Identity::Monitoring, Vec::new()));
    }
    Err(if sessions::cookie(headers).is_some() { Refused::Wrong } else { Refused::Missing })
}

/// Who sends a token or a password.
async fn check_secret(access: &AccessControl, client: IpAddr, given: &str) -> Result<Principal, Refused> {
    // Our own tokens are too long to be guessed: they always open, whoever else guesses from the same address.
    if access.is_admin_token(given) {
        return Ok(Principal::with_role(Identity::AdminToken, Role::Admin));
    }
    let client = network(client);
    if given.starts_with(API_TOKEN_PREFIX)
        && let Some(principal) = api_token(access, given).await?
    {
        return Ok(principal);
    }
    // Where no password is set, there is nothing that could be guessed.
    if !access.has_admin_password() {
        return Err(Refused::Wrong);
    }
    if let Some(left) = access.clients().locked(&client) {
        return Err(Refused::Locked(left));
    }
    if access.is_admin_password(given) {
        return Ok(Principal::with_role(Identity::AdminPassword, Role::Admin));
    }
    tracing::warn!(%client, "the API was refused: the token or password is wrong");
    Err(access.clients().failed(client).map_or(Refused::Wrong, Refused::Locked))
}

/// The sender of a token that a member made; absent for an unknown or expired token.
pub(crate) async fn api_token(access: &AccessControl, given: &str) -> Result<Option<Principal>, StoreError> {
    let hash = random::hash(given);
    let now = clock::now();
    let token = access.store().api_token(hash).await?;
    let Some(token) = token.filter(|token| token.expires_at.is_none_or(|end| now < end)) else {
        return Ok(None);
    };
    if token.used_at.is_none_or(|at| now.duration_since(at) > sessions::TOUCH_INTERVAL) {
        access.store().touch_api_token(hash, now).await?;
    }
    Ok(Some(Principal::new(Identity::ApiToken { hash, name: token.name }, token.scopes)))
}

/// The token or password that came along.
fn presented_secret(headers: &HeaderMap) -> Option<String> {
    use base64::Engine;
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    if let Some(token) = credentials(value, "bearer") {
        return Some(token.trim().to_owned());
    }
    let encoded = credentials(value, "basic")?.trim();
    let decoded = base64::engine::general_purpose::STANDARD.decode(encoded).ok()?;
    String::from_utf8(decoded).ok()?.split_once(':').map(|(_, password)| password.to_owned())
}
