//! A login with a code: it is shown, the user enters it on another device, and we ask until it is done. OAuth 2's device flow
//! (RFC 8628), and the older flow with a PIN for apps that it refuses.

use std::time::Duration;

use playrelay_plugin_host::account::Account;
use playrelay_plugin_host::http::client::REQUEST_TIMEOUT;
use playrelay_plugin_host::http::message::{HttpError, Request, Response};
use playrelay_plugin_host::http::{LoginTokens, RequestPurpose};
use playrelay_plugin_host::limits::{CODE_INTERVAL_S, MAX_CODE_LIFETIME_S};
use playrelay_plugin_host::manifest::{DeviceLogin, Login, PinLogin, part};
use playrelay_plugin_host::template::Template;
use playrelay_store::vault::VaultError;
use playrelay_util::clock;
use playrelay_util::secret::Secret;
use serde_json::Value;
use tokio::time::Instant;
use url::Url;

use crate::auth::credentials::CredentialManager;
use crate::auth::oauth::{post, read_tokens, render_parameters};

/// How much longer the interval becomes when it was too short (RFC 8628, section 3.5).
const SLOW_DOWN_STEP: Duration = Duration::from_secs(5);

/// The address that the user opens, and the code to enter there.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// The address to open.
    pub url: String,
    /// Where, with the code in it: what a QR code shows.
    pub complete_url: Option<String>,
    /// Enter this.
    pub code: String,
    /// For so long.
    pub expires_in: Duration,
    /// Until then.
    pub ends_at: Instant,
    /// The pause between two polls.
    pub interval: Duration,
    asked_with: PollMethod,
}

/// The identifier of the login at the service.
#[derive(Clone, Debug)]
enum PollMethod {
    DeviceCode(Secret),
    /// The code that the user enters.
    Pin,
}

/// The result of one attempt to fetch the login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PollResult {
    /// Not yet.
    Pending,
    /// Not yet, and asked too often.
    SlowDown,
    /// It is stored.
    Granted,
}

/// The reason why a login failed.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The plugin has none.
    #[error("{0} needs no login")]
    NoLogin(String),
    /// The user said no.
    #[error("the login was denied at the service; start again when that was a mistake")]
    Denied,
    /// The user was too slow, or said no at a service that does not tell.
    #[error("the code has expired; start again")]
    Expired,
    /// The service does not know the code.
    #[error("the service no longer knows the code ({0}); start again")]
    Invalid(u16),
    /// The service refuses the app.
    #[error(
        "the service refused the app ({0}): check the client id in the settings of the account, and whether the app still \
         exists at the service"
    )]
    App(String),
    /// The account is not in order.
    #[error("the service has locked the account ({0}); its support can say why")]
    Locked(u16),
    /// The plan is too small.
    #[error("the service offers this to paying members only ({0})")]
    Plan(u16),
    /// The login may do too little.
    #[error("the login lacks the right to {0}; start again, and allow everything that the page asks for")]
    Scope(String),
    /// The values of the user are not sufficient.
    #[error("{0}")]
    Form(String),
    /// The server does not let the user in.
    #[error("{0}")]
    Refused(String),
    /// A server that was found cannot be reached.
    #[error(
        "the server answers at none of the addresses that were found: {0}. Where you know another one, set `url` in the account's \
         section"
    )]
    Unreachable(String),
    /// The service says something else.
    #[error("the service's answer cannot be used: {0}")]
    Answer(String),
    /// The service cannot be reached.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The login cannot be kept.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// Asks for a code.
///
/// # Errors
///
/// Fails where the plugin has no login with a code, or the service refuses the app or gives no code.
pub async fn begin(account: &Account) -> Result<Prompt, LoginError> {
    let login = device_login(account)?;
    let mut fields = render_parameters(account, &login.parameters);
    fields.extend(render_parameters(account, &login.device_parameters));
    let answer = post(account, login, &login.device_url, &fields).await?;
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let refused_as_old = matches!(body["error"].as_str(), Some("invalid_client"));
    match (answer.status, &login.pin) {
        (200..=299, _) => {
            let device_code = text(&body, &["device_code"])?;
            prompt(&body, PollMethod::DeviceCode(Secret::new(device_code)))
        }
        (400 | 401 | 403, Some(pin)) if refused_as_old => begin_pin(account, pin).await,
        (status, _) => Err(refusal(status, &body)),
    }
}

/// An app that is too old for the device flow still gets PINs. One that is no app gets none either.
async fn begin_pin(account: &Account, pin: &PinLogin) -> Result<Prompt, LoginError> {
    let answer = get(account, &pin.code_url, None).await?;
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    match answer.status {
        200..=299 => prompt(&body, PollMethod::Pin),
        status => Err(refusal(status, &body)),
    }
}

fn prompt(body: &Value, asked_with: PollMethod) -> Result<Prompt, LoginError> {
    let expires_in =
        Duration::from_secs(body["expires_in"].as_u64().unwrap_or(600).min(MAX_CODE_LIFETIME_S.into()));
    Ok(Prompt {
        url: text(body, &["verification_url", "verification_uri"])?,
        complete_url: text(body, &["verification_uri_complete"]).ok(),
        code: text(body, &["user_code"])?,
        expires_in,
        ends_at: Instant::now() + expires_in,
        interval: Duration::from_secs(
            body["interval"].as_u64().unwrap_or(5).clamp(1, CODE_INTERVAL_S.into()),
        ),
        asked_with,
    })
}

fn text(body: &Value, names: &[&str]) -> Result<String, LoginError> {
    let found = names.iter().find_map(|name| body[name].as_str());
    found.map(str::to_owned).ok_or_else(|| LoginError::Answer(format!("it has no {}", names[0])))
}

/// Why no code, or no login, is given out.
fn refusal(status: u16, body: &Value) -> LoginError {
    let error = body["error"].as_str().unwrap_or_default();
    match status {
        400 | 401 | 403 | 412 => LoginError::App(format!("{status} {error}").trim_end().to_owned()),
        423 => LoginError::Locked(status),
        426 => LoginError::Plan(status),
        status => LoginError::Answer(format!("status {status}")),
    }
}

/// Asks once whether the user has entered the code; when so, the login is stored. A network that is gone for a moment does not
/// end a login; a code that is too old does.
///
/// # Errors
///
/// Fails where the login has ended without success: denied, expired, unknown to the service, or not to be stored.
pub async fn poll_login(
    account: &Account,
    credentials: &CredentialManager,
    prompt: &mut Prompt,
) -> Result<bool, LoginError> {
    if Instant::now() >= prompt.ends_at {
        return Err(LoginError::Expired);
    }
    match poll(account, credentials, prompt).await {
        Ok(progress) => Ok(progress == PollResult::Granted),
        Err(LoginError::Http(error)) => {
            tracing::warn!(account = account.name, "{error}");
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// The interval of the prompt grows where the service asks for that.
async fn poll(
    account: &Account,
    credentials: &CredentialManager,
    prompt: &mut Prompt,
) -> Result<PollResult, LoginError> {
    let login = device_login(account)?;
    let progress = match (&prompt.asked_with, &login.pin) {
        (PollMethod::DeviceCode(code), _) => poll_device(account, login, credentials, code).await?,
        (PollMethod::Pin, Some(pin)) => poll_pin(account, pin, credentials, &prompt.code).await?,
        (PollMethod::Pin, None) => return Err(LoginError::NoLogin(account.manifest.plugin.name.clone())),
    };
    if progress == PollResult::SlowDown {
        prompt.interval += SLOW_DOWN_STEP;
    }
    Ok(progress)
}

async fn poll_device(
    account: &Account,
    login: &DeviceLogin,
    credentials: &CredentialManager,
    code: &Secret,
) -> Result<PollResult, LoginError> {
    let mut fields = vec![(login.code_field.clone(), code.clone())];
    fields.extend(render_parameters(account, &login.parameters));
    fields.extend(render_parameters(account, &login.poll_parameters));
    let answer = post(account, login, &login.token_url, &fields).await?;
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if (200..300).contains(&answer.status) {
        check_scopes(&body, &login.required_scopes)?;
        return store(account, credentials, &answer).await;
    }
    match body["error"].as_str() {
        Some("authorization_pending") => return Ok(PollResult::Pending),
        Some("slow_down") => return Ok(PollResult::SlowDown),
        Some("access_denied") => return Err(LoginError::Denied),
        Some("expired_token") => return Err(LoginError::Expired),
        _ => {}
    }
    let says = |statuses: &[u16]| statuses.contains(&answer.status);
    let meaning = &login.poll_status;
    match answer.status {
        _ if says(&meaning.pending) => Ok(PollResult::Pending),
        _ if says(&meaning.slow_down) => Ok(PollResult::SlowDown),
        _ if says(&meaning.denied) => Err(LoginError::Denied),
        _ if says(&meaning.expired) => Err(LoginError::Expired),
        status if says(&meaning.invalid) => Err(LoginError::Invalid(status)),
        429 | 500..=599 => Ok(PollResult::SlowDown),
        status => Err(refusal(status, &body)),
    }
}

async fn poll_pin(
    account: &Account,
    pin: &PinLogin,
    credentials: &CredentialManager,
    code: &str,
) -> Result<PollResult, LoginError> {
    let answer = get(account, &pin.poll_url, Some(code)).await?;
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    match (answer.status, body["result"].as_str()) {
        (200..=299, Some("OK")) if body[part::ACCESS].is_string() => {
            store(account, credentials, &answer).await
        }
        // To a code that it no longer knows, the service answers with a new one.
        (200..=299, Some("OK")) => Err(LoginError::Expired),
        (200..=299, _) => Ok(PollResult::Pending),
        (429 | 500..=599, _) => Ok(PollResult::SlowDown),
        (status, _) => Err(refusal(status, &body)),
    }
}

async fn store(
    account: &Account,
    credentials: &CredentialManager,
    answer: &Response,
) -> Result<PollResult, LoginError> {
    let tokens = read_tokens(answer, clock::now()).map_err(LoginError::Answer)?;
    credentials.store(account, tokens).await?;
    Ok(PollResult::Granted)
}

/// A service lists the granted scopes with spaces between them. If it lists none, it granted those that were asked for.
fn check_scopes(body: &Value, required: &[String]) -> Result<(), LoginError> {
    let Some(granted) = body["scope"].as_str() else { return Ok(()) };
    let missing: Vec<&str> = required
        .iter()
        .map(String::as_str)
        .filter(|scope| !granted.split([' ', ',']).any(|granted| granted == *scope))
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(LoginError::Scope(missing.join(", "))) }
}

/// Sends a step of a login with a PIN.
async fn get(account: &Account, url: &Template, code: Option<&str>) -> Result<Response, LoginError> {
    let code = code.map(|code| {
        let plain = code.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
        LoginTokens([("user_code".to_owned(), Secret::new(plain))].into())
    });
    let url = account.outbound.render(url, code.as_ref())?;
    let url = Url::parse(url.expose()).map_err(|error| {
        HttpError::Denied(format!("the address of the login is not a valid URL: {error}"))
    })?;
    let request = Request {
        method: reqwest::Method::GET,
        url,
        headers: Vec::new(),
        body: None,
        timeout: REQUEST_TIMEOUT,
    };
    Ok(account.outbound.send(request, RequestPurpose::Login).await?)
}

fn device_login(account: &Account) -> Result<&DeviceLogin, LoginError> {
    match &account.manifest.login {
        Some(Login::Oauth2Device(login)) if account.needs_login() => Ok(login),
        _ => Err(LoginError::NoLogin(account.name.clone())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_login_that_may_do_too_little_is_not_taken() {
        let required = ["media:read".to_owned(), "media:write".to_owned()];
        for (scope, missing) in [
            (json!("media:read media:write"), None),
            (json!(null), None),
            (json!("media:read"), Some("media:write")),
            (json!(""), Some("media:read, media:write")),
        ] {
            let error = check_scopes(&json!({ "scope": scope }), &required).err();
            let expected = missing.map(|missing| LoginError::Scope(missing.to_owned()).to_string());
            assert_eq!(error.map(|error| error.to_string()), expected);
        }
    }
}
