//! Access to the API: by token or password, and for browsers only from a page of Playrelay.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use playrelay_util::secret::Secret;
use subtle::ConstantTimeEq;
use url::Url;

use crate::web::api::context::Api;
use crate::web::api::error::error_response;
use crate::web::ingress::credentials;

/// The reason why a request is refused.
enum Refused {
    /// It carries nothing.
    Missing,
    /// The token or password is wrong.
    Wrong,
    /// Its client was wrong too often; nothing was compared.
    Locked(Duration),
}

pub(super) async fn require_admin(
    State(api): State<Arc<Api>>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    if !is_same_origin(&api, &request) {
        let text = "a page of another site may not change anything here; set `public_url` in [server] where a proxy \
                    changes the name of the host";
        return error_response(StatusCode::FORBIDDEN, text);
    }
    match check(&api, client.ip(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(Refused::Locked(left)) => {
            let text = "too many wrong tokens or passwords from this address; wait, or use the token of `playrelay token`";
            let mut answer = error_response(StatusCode::TOO_MANY_REQUESTS, text);
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(left.as_secs().max(1)));
            answer
        }
        Err(Refused::Missing | Refused::Wrong) => {
            let text = "send the token that `playrelay token` shows, or `admin_password` of [server], as a bearer token or as \
                        the password of basic authentication";
            let mut answer = error_response(StatusCode::UNAUTHORIZED, text);
            let challenge = HeaderValue::from_static("Basic realm=\"Playrelay\"");
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            answer
        }
    }
}

/// Whether a request carries what opens the API.
fn check(api: &Api, client: IpAddr, headers: &HeaderMap) -> Result<(), Refused> {
    let given = presented_password(headers).ok_or(Refused::Missing)?;
    let is = |secret: &Secret| bool::from(secret.expose().as_bytes().ct_eq(given.as_bytes()));
    if is(&api.token) {
        return Ok(());
    }
    if let Some(left) = api.attempt_limiter.locked(client) {
        return Err(Refused::Locked(left));
    }
    if api.password.as_ref().is_some_and(is) {
        return Ok(());
    }
    tracing::warn!(%client, "the API was refused: the token or password is wrong");
    Err(api.attempt_limiter.failed(client).map_or(Refused::Wrong, Refused::Locked))
}

/// A browser says of a page's request that changes something where the page is from: another site's is refused.
fn is_same_origin(api: &Api, request: &Request) -> bool {
    if request.method().is_safe() {
        return true;
    }
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    if header("sec-fetch-site").is_some_and(|site| site.eq_ignore_ascii_case("cross-site")) {
        return false;
    }
    let Some(origin) = header(header::ORIGIN.as_str()) else { return true };
    let from = origin.split_once("://").map_or(origin, |(_, host)| host);
    let is_public = api.public_url.as_ref().is_some_and(|url| {
        Url::parse(url).is_ok_and(|url| url.origin().ascii_serialization().eq_ignore_ascii_case(origin))
    });
    is_public || header(header::HOST.as_str()).is_some_and(|host| host.eq_ignore_ascii_case(from))
}

/// The token or password that came along.
fn presented_password(headers: &HeaderMap) -> Option<String> {
    use base64::Engine;
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    if let Some(token) = credentials(value, "bearer") {
        return Some(token.trim().to_owned());
    }
    let encoded = credentials(value, "basic")?.trim();
    let decoded = base64::engine::general_purpose::STANDARD.decode(encoded).ok()?;
    String::from_utf8(decoded).ok()?.split_once(':').map(|(_, password)| password.to_owned())
}
