//! The OAuth 2 device flow: a code is shown, the user enters it on another device, and we ask until it is done.

use std::time::Duration;

use serde_json::Value;

use super::logins::{LoginKeeper, filled, post, read_tokens};
use crate::clock;
use crate::plugins::account::Account;
use crate::plugins::http::wire::HttpError;
use crate::plugins::manifest::{DeviceLogin, Login};
use crate::secret::Secret;
use crate::state::vault::VaultError;

/// What the user has to do.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// Where.
    pub url: String,
    /// Enter this.
    pub code: String,
    /// For so long.
    pub expires_in: Duration,
    /// How often to ask.
    pub interval: Duration,
    device_code: Secret,
}

/// What an attempt to fetch the login gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Not yet.
    Pending,
    /// Not yet, and asked too often.
    SlowDown,
    /// It is stored.
    Granted,
}

/// Why a login fails.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The plugin has none.
    #[error("{0} needs no login")]
    NoLogin(String),
    /// The user said no.
    #[error("the login was denied at the service; start again when that was a mistake")]
    Denied,
    /// The user was too slow.
    #[error("the code has expired; start again")]
    Expired,
    /// The service does not know the code.
    #[error("the service no longer knows the code ({0}); start again")]
    Invalid(u16),
    /// The service refuses the app.
    #[error("the service refused the app ({0}): check the client id in the settings of the account")]
    App(u16),
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
pub async fn begin(account: &Account) -> Result<Prompt, LoginError> {
    let login = device_login(account)?;
    let answer = post(account, login, &login.device_url, &filled(account, &login.parameters)).await?;
    if !(200..300).contains(&answer.status) {
        return Err(match answer.status {
            400 | 401 | 403 => LoginError::App(answer.status),
            status => LoginError::Answer(format!("status {status}")),
        });
    }
    let body: Value =
        serde_json::from_slice(&answer.body).map_err(|error| LoginError::Answer(error.to_string()))?;
    let text = |names: &[&str]| {
        let found = names.iter().find_map(|name| body[name].as_str());
        found.map(str::to_owned).ok_or_else(|| LoginError::Answer(format!("it has no {}", names[0])))
    };
    Ok(Prompt {
        url: text(&["verification_url", "verification_uri"])?,
        code: text(&["user_code"])?,
        device_code: Secret::new(text(&["device_code"])?),
        expires_in: Duration::from_secs(body["expires_in"].as_u64().unwrap_or(600)),
        interval: Duration::from_secs(body["interval"].as_u64().unwrap_or(5).max(1)),
    })
}

/// Asks once whether the user has entered the code; stores the login when so.
pub async fn poll(account: &Account, keeper: &LoginKeeper, prompt: &Prompt) -> Result<Progress, LoginError> {
    let login = device_login(account)?;
    let mut fields = vec![(login.code_field.clone(), prompt.device_code.clone())];
    fields.extend(filled(account, &login.parameters));
    let answer = post(account, login, &login.token_url, &fields).await?;
    let says = |statuses: &[u16]| statuses.contains(&answer.status);
    let meaning = &login.poll_status;
    if (200..300).contains(&answer.status) {
        let tokens = read_tokens(&answer, clock::now()).map_err(LoginError::Answer)?;
        keeper.vault().put(&account.name, &tokens).await?;
        return Ok(Progress::Granted);
    }
    match answer.status {
        _ if says(&meaning.pending) => Ok(Progress::Pending),
        _ if says(&meaning.slow_down) => Ok(Progress::SlowDown),
        _ if says(&meaning.denied) => Err(LoginError::Denied),
        _ if says(&meaning.expired) => Err(LoginError::Expired),
        status if says(&meaning.invalid) => Err(LoginError::Invalid(status)),
        status @ (401 | 403) => Err(LoginError::App(status)),
        500..=599 => Ok(Progress::SlowDown),
        status => Err(LoginError::Answer(format!("status {status}"))),
    }
}

fn device_login(account: &Account) -> Result<&DeviceLogin, LoginError> {
    match &account.manifest.login {
        Some(Login::Oauth2Device(login)) => Ok(login),
        None => Err(LoginError::NoLogin(account.manifest.plugin.name.clone())),
    }
}
