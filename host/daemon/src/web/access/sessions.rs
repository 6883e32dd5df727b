//! Logins in browsers: a cookie holds 256 random bits, and the database holds their hash.

use axum::http::{HeaderMap, HeaderValue, header};
use jiff::{SignedDuration, Timestamp};
use playrelay_store::{Member, StoreError, TokenHash, WebSession};
use playrelay_util::clock;
use playrelay_util::secret::Secret;

use crate::web::access::forwarded::Origin;
use crate::web::access::passwords::PasswordError;
use crate::web::access::random::RandomError;
use crate::web::access::{AccessControl, passwords, random};
use crate::web::attempt_limiter::network;

/// The cookie's name.
const COOKIE: &str = "playrelay";
/// The use of a session or token is noted at most this often.
pub(crate) const TOUCH_INTERVAL: SignedDuration = SignedDuration::from_mins(5);
/// Letters of a browser's name that are kept.
const MAX_DEVICE: usize = 200;

/// Why nobody is logged in.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The name or the password is wrong. Which of them is not said.
    #[error("the name or the password is wrong")]
    Wrong,
    /// There were too many wrong ones.
    #[error("too many wrong passwords")]
    Locked(std::time::Duration),
    /// The password cannot be checked.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// No token can be made.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The database fails.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The cookie of a request.
pub fn cookie(headers: &HeaderMap) -> Option<String> {
    cookie_named(headers, COOKIE)
}

/// A cookie of a request by its name.
pub(crate) fn cookie_named(headers: &HeaderMap, cookie: &str) -> Option<String> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == cookie).map(|(_, value)| value.to_owned())
}

/// The header that has a browser keep a session.
pub fn set_cookie(token: &Secret, origin: &Origin, length: std::time::Duration) -> Option<HeaderValue> {
    with_attributes(COOKIE, token.expose(), origin, length.as_secs())
}

/// The header that has a browser forget its session.
pub fn clear_cookie(origin: &Origin) -> Option<HeaderValue> {
    with_attributes(COOKIE, "", origin, 0)
}

/// The header that has a browser keep a value under another name, for so many seconds; 0 has the browser forget it.
pub(crate) fn named_cookie(name: &str, value: &Secret, origin: &Origin, seconds: u64) -> Option<HeaderValue> {
    with_attributes(name, value.expose(), origin, seconds)
}

fn with_attributes(cookie: &str, value: &str, origin: &Origin, seconds: u64) -> Option<HeaderValue> {
    let path = if origin.base.is_empty() { "/" } else { &origin.base };
    let secure = if origin.is_https { "; Secure" } else { "" };
    // Lax: a link in a notification opens logged in.
    let text = format!("{cookie}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    let mut header = HeaderValue::from_str(&text).ok()?;
    header.set_sensitive(true);
    Some(header)
}

/// Checks a name and a password. Guesses are limited by address, and by name for those who have many addresses.
pub async fn check_password(
    access: &AccessControl,
    origin: &Origin,
    name: &str,
    password: &Secret,
) -> Result<Member, SessionError> {
    let client = network(origin.client);
    let locked = access.clients.locked(&client).or_else(|| access.names.locked(&name.to_lowercase()));
    if let Some(left) = locked {
        return Err(SessionError::Locked(left));
    }
    let member = access.store.member(name).await?;
    let hash = member.as_ref().and_then(|member| member.password.clone());
    let is_right = passwords::verify(password, hash, &access.password_check).await?;
    match member.filter(|_| is_right) {
        Some(member) => Ok(member),
        None => {
            tracing::warn!(%client, "a login was refused: the name or the password is wrong");
            let by_name = access.names.failed(name.to_lowercase());
            let locked = access.clients.failed(client).or(by_name);
            Err(locked.map_or(SessionError::Wrong, SessionError::Locked))
        }
    }
}

/// Begins a session. Gives the cookie's value.
pub async fn begin(
    access: &AccessControl,
    member: &str,
    headers: &HeaderMap,
) -> Result<Secret, SessionError> {
    let token = random::token()?;
    let now = clock::now();
    let device = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or("unknown");
    let session = WebSession {
        hash: random::hash(token.expose()),
        member: member.to_owned(),
        device: device.chars().filter(|letter| !letter.is_control()).take(MAX_DEVICE).collect(),
        created_at: now,
        seen_at: now,
        expires_at: end(access, now),
    };
    access.store.add_web_session(session).await?;
    tracing::info!(member, "logged in");
    Ok(token)
}

/// Ends a session, and whatever it has open.
pub async fn finish(access: &AccessControl, hash: TokenHash) -> Result<bool, StoreError> {
    let ended = access.store.end_web_session(hash).await?;
    access.revoke();
    Ok(ended)
}

/// Notes that a session is used, and moves its end.
pub(crate) async fn touch(
    access: &AccessControl,
    session: &WebSession,
    now: Timestamp,
) -> Result<(), StoreError> {
    if now.duration_since(session.seen_at) > TOUCH_INTERVAL {
        access.store.touch_web_session(session.hash, now, end(access, now)).await?;
    }
    Ok(())
}

fn end(access: &AccessControl, now: Timestamp) -> Timestamp {
    let length = SignedDuration::try_from(access.config().session_length).unwrap_or(SignedDuration::MAX);
    now.saturating_add(length).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_has_what_protects_it() {
        let origin = |base: &str, is_https| Origin {
            client: [10, 0, 0, 1].into(),
            is_https,
            base: base.to_owned(),
            user: None,
        };
        let token = Secret::new("T".to_owned());
        let length = std::time::Duration::from_secs(60);
        let header = set_cookie(&token, &origin("", false), length).unwrap();
        assert_eq!(header.to_str().unwrap(), "playrelay=T; Path=/; Max-Age=60; HttpOnly; SameSite=Lax");
        let header = set_cookie(&token, &origin("/relay", true), length).unwrap();
        assert_eq!(
            header.to_str().unwrap(),
            "playrelay=T; Path=/relay; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
        );
        assert!(header.is_sensitive());
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("theme=dark; playrelay=T; x=1"));
        assert_eq!(cookie(&headers).as_deref(), Some("T"));
        headers.insert(header::COOKIE, HeaderValue::from_static("xplayrelay=T"));
        assert_eq!(cookie(&headers), None);
    }
}
