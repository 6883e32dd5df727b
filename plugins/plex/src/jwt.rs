//! A login with a key of the device: its token is a JWT that plex.tv lets expire after seven days, and renews for who has the key
//! (developer.plex.tv, "Authenticating with Plex"; requests as python-plexapi's `MyPlexJWTLogin` sends them).

use playrelay_sdk::capability::auth::Grant;
use playrelay_sdk::failure;
use playrelay_sdk::host::http::Method;
use playrelay_sdk::host::types::Failure;
use playrelay_sdk::host::{device_key, kv, settings};
use playrelay_sdk::http::{Response, join_setting};
use playrelay_sdk::json::text;
use playrelay_sdk::login::{captured, field, grant};
use serde_json::{Value, json};

use crate::plex_tv::{ACCOUNT, read, send, send_body, server_token, servers};

/// The id of this way to log in, as the manifest has it.
pub const METHOD: &str = "device-key";
/// How long plex.tv's token is valid. Seconds.
pub const LIFETIME_S: u32 = 7 * 24 * 60 * 60;
/// The token that the device signs is valid this long, since a nonce is. Seconds.
const DEVICE_TOKEN_LIFETIME_S: u32 = 300;
/// A PIN is asked about this often, every other second, before another token is signed: well within its life.
pub const POLLS_PER_SIGNATURE: u32 = 60;
/// The scopes of the token: all that plex.tv knows, as its other clients request.
const SCOPE: &str = "username,email,friendly_name,restricted,anonymous,joinedAt";
/// The name under which the token that the device signs is kept.
const DEVICE_TOKEN: &str = "device-jwt";
/// Where the id of the chosen server is kept, for the renewal.
const SERVER_KEY: &str = "login-server";

/// Asks for a PIN that is bound to the key.
pub fn ask_for_pin() -> Result<Response, Failure> {
    let jwk: Value = serde_json::from_str(&device_key::public_jwk()?)
        .map_err(|error| Failure::Rejected(format!("the host gave a key that is not JSON: {error}")))?;
    let url = join_setting("auth_url", "/api/v2/pins");
    send_body(Method::Post, &url, None, Some(&json!({ "jwk": jwk })), Vec::new())
}

/// Asks whether the PIN was entered, in the name of the key. `polls` counts the questions since the token was signed.
pub fn ask_about_pin(
    pin: i64,
    polls: &mut u32,
    captures: Vec<(String, String)>,
) -> Result<Response, Failure> {
    if *polls >= POLLS_PER_SIGNATURE {
        sign()?;
        *polls = 0;
    }
    *polls += 1;
    let url = join_setting("auth_url", &format!("/api/v2/pins/{pin}?deviceJWT={}", captured(DEVICE_TOKEN)));
    send(Method::Get, &url, None, captures)
}

/// Keeps the id of the server whose token the login has; absent for none.
pub fn remember_server(id: Option<&str>) -> Result<(), Failure> {
    let failed = |error| Failure::Rejected(format!("the server's id cannot be kept: {error:?}"));
    match id {
        Some(id) => kv::set(SERVER_KEY, id.as_bytes(), None).map_err(failed),
        None => kv::delete(SERVER_KEY).map_err(failed),
    }
}

/// Exchanges a token that the device signs for plex.tv's next one, and asks for the server's token with it.
pub fn renew() -> Result<Grant, Failure> {
    sign()?;
    let body = json!({ "jwt": captured(DEVICE_TOKEN) });
    let captures = vec![("/auth_token".to_owned(), ACCOUNT.to_owned())];
    let answer = send_body(
        Method::Post,
        &join_setting("auth_url", "/api/v2/auth/token"),
        None,
        Some(&body),
        captures,
    )?;
    match answer.status {
        200..=299 => {}
        401 | 403 | 422 => {
            let text = format!("plex.tv no longer knows the key of this device ({})", answer.status);
            return Err(Failure::Unauthorized(text));
        }
        _ => return Err(failure::from_status(&answer, "plex.tv")),
    }
    if text(&read(&answer)?["auth_token"]).is_none() {
        return Err(Failure::Rejected("plex.tv gave no token".to_owned()));
    }
    let mut fields = vec![field("account_token", captured(ACCOUNT))];
    let unread = |error| failure::retry(format!("the server's id cannot be read: {error:?}"));
    let chosen = kv::get(SERVER_KEY).map_err(unread)?;
    let chosen = chosen.and_then(|id| String::from_utf8(id).ok());
    if chosen.is_some() {
        // One that the account no longer lists keeps the token that it had.
        let server = servers()?.into_iter().find(|(_, server)| server.id == chosen);
        fields.extend(server.map(|(place, _)| field("token", captured(&server_token(place)))));
    }
    Ok(Grant { expires_s: Some(LIFETIME_S), ..grant(fields, None) })
}

/// Signs a token over a fresh nonce.
fn sign() -> Result<(), Failure> {
    let answer = send(Method::Get, &join_setting("auth_url", "/api/v2/auth/nonce"), None, Vec::new())?;
    let nonce = text(&read(&answer)?["nonce"]);
    let nonce = nonce.ok_or_else(|| Failure::Rejected("plex.tv gave no nonce".to_owned()))?;
    let instance = settings::get("host.instance").unwrap_or_default();
    let claims = json!({ "nonce": nonce, "scope": SCOPE, "aud": "plex.tv", "iss": instance });
    device_key::sign(&claims.to_string(), DEVICE_TOKEN_LIFETIME_S, DEVICE_TOKEN)
}
