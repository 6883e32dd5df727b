//! The one owner of all logins.
//!
//! A login is refreshed when half of its life is over, by one task at a time, and the new one is stored before it is
//! used: a refresh token that serves only once must not be lost by a crash.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::Mutex;
use url::Url;

use crate::clock;
use crate::plugins::account::Account;
use crate::plugins::http::wire::{HttpError, REQUEST_TIMEOUT, Request, Response};
use crate::plugins::http::{LoginTokens, Logins, Purpose};
use crate::plugins::manifest::{DeviceLogin, Encoding, Login, RefreshToken};
use crate::plugins::template::Template;
use crate::secret::Secret;
use crate::state::vault::{Vault, VaultError};

/// After a refresh that failed for want of a connection, the next one waits this long while the login is still good.
const REFRESH_PAUSE: Duration = Duration::from_secs(60);

/// The names under which the parts of a login are kept.
pub mod part {
    /// Sent with requests.
    pub const ACCESS: &str = "access_token";
    /// Exchanged for the next login.
    pub const REFRESH: &str = "refresh_token";
    /// Unix seconds.
    pub const OBTAINED: &str = "obtained_at";
    /// Unix seconds.
    pub const EXPIRES: &str = "expires_at";
}

/// What is known of an account's login.
#[derive(Default)]
struct Slot {
    tokens: Option<Arc<LoginTokens>>,
    /// A refresh that failed is not repeated at once.
    not_before: Option<tokio::time::Instant>,
}

/// Keeps the logins.
pub struct LoginKeeper {
    vault: Vault,
    accounts: OnceLock<HashMap<String, Arc<Account>>>,
    slots: Mutex<HashMap<String, Arc<Mutex<Slot>>>>,
}

impl LoginKeeper {
    /// A keeper of what lies in the vault.
    pub fn new(vault: Vault) -> Self {
        Self { vault, accounts: OnceLock::new(), slots: Mutex::default() }
    }

    /// Says which accounts there are; their way out is needed to refresh. Only the first call counts.
    pub fn introduce(&self, accounts: impl Iterator<Item = Arc<Account>>) {
        let accounts = accounts.map(|account| (account.name.clone(), account)).collect();
        if self.accounts.set(accounts).is_err() {
            tracing::debug!("the accounts were introduced before");
        }
    }

    /// The vault.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    async fn slot(&self, account: &str) -> Arc<Mutex<Slot>> {
        Arc::clone(self.slots.lock().await.entry(account.to_owned()).or_default())
    }

    async fn stored(&self, account: &str) -> Result<Option<Arc<LoginTokens>>, HttpError> {
        let stored = self.vault.get(account).await.map_err(vault_failed)?;
        Ok(stored.map(|tokens| Arc::new(LoginTokens(tokens))))
    }

    /// How the account logs in, where it does.
    fn device_login(&self, account: &str) -> Option<(Arc<Account>, DeviceLogin)> {
        let account = self.accounts.get()?.get(account)?;
        let Login::Oauth2Device(login) = account.manifest.login.as_ref()?;
        Some((Arc::clone(account), login.clone()))
    }

    /// Exchanges a login for the next one, and stores it. `None` where the service refuses: the user has to log in.
    async fn refresh(&self, account: &str, old: &LoginTokens) -> Result<Option<Arc<LoginTokens>>, HttpError> {
        let Some((owner, login)) = self.device_login(account) else { return Ok(None) };
        let Some(refresh_token) = old.0.get(part::REFRESH) else { return Ok(None) };
        let mut fields = vec![
            ("grant_type".to_owned(), Secret::new("refresh_token")),
            (part::REFRESH.to_owned(), refresh_token.clone()),
        ];
        fields.extend(filled(&owner, &login.parameters));
        fields.extend(filled(&owner, &login.refresh_parameters));
        let url = login.refresh_url.as_ref().unwrap_or(&login.token_url);
        let answer = post(&owner, &login, url, &fields).await?;
        match answer.status {
            200..=299 => {
                let mut tokens = read_tokens(&answer, clock::now()).map_err(HttpError::Interrupted)?;
                if login.refresh_token != RefreshToken::Rotating || !tokens.contains_key(part::REFRESH) {
                    tokens.entry(part::REFRESH.to_owned()).or_insert_with(|| refresh_token.clone());
                }
                self.vault.put(account, &tokens).await.map_err(vault_failed)?;
                tracing::info!(account, "login refreshed");
                Ok(Some(Arc::new(LoginTokens(tokens))))
            }
            400 | 401 | 403 => {
                tracing::warn!(account, status = answer.status, "the service refused to refresh the login");
                Ok(None)
            }
            status => Err(HttpError::Unreachable(format!(
                "refreshing the login failed: the service answered {status}"
            ))),
        }
    }
}

#[async_trait]
impl Logins for LoginKeeper {
    async fn current(&self, account: &str) -> Result<Option<Arc<LoginTokens>>, HttpError> {
        let slot = self.slot(account).await;
        let mut slot = slot.lock().await;
        if slot.tokens.is_none() {
            slot.tokens = self.stored(account).await?;
        }
        let Some(tokens) = slot.tokens.clone() else { return Ok(None) };
        let paused = slot.not_before.is_some_and(|until| tokio::time::Instant::now() < until);
        if !is_half_over(&tokens, clock::now()) || paused {
            return Ok(Some(tokens));
        }
        match self.refresh(account, &tokens).await {
            Ok(Some(fresh)) => {
                *slot = Slot { tokens: Some(Arc::clone(&fresh)), not_before: None };
                Ok(Some(fresh))
            }
            // The old one may still serve; if not, the 401 says so and `renew` decides.
            Ok(None) | Err(_) => {
                slot.not_before = Some(tokio::time::Instant::now() + REFRESH_PAUSE);
                Ok(Some(tokens))
            }
        }
    }

    async fn renew(
        &self,
        account: &str,
        rejected: &LoginTokens,
    ) -> Result<Option<Arc<LoginTokens>>, HttpError> {
        let slot = self.slot(account).await;
        let mut slot = slot.lock().await;
        // Another task, or another process, may have renewed it meanwhile.
        let stored = self.stored(account).await?;
        let newer = stored.filter(|tokens| tokens.0.get(part::ACCESS) != rejected.0.get(part::ACCESS));
        let tokens = match newer {
            Some(newer) => Some(newer),
            None => self.refresh(account, rejected).await?,
        };
        // A login that was refused is forgotten here: the next look reads what somebody may have stored.
        *slot = Slot { tokens: tokens.clone(), not_before: None };
        Ok(tokens)
    }
}

fn vault_failed(error: VaultError) -> HttpError {
    match error {
        VaultError::Store(error) => HttpError::Unreachable(error.to_string()),
        error => HttpError::NotLoggedIn(error.to_string()),
    }
}

fn is_half_over(tokens: &LoginTokens, now: Timestamp) -> bool {
    let seconds = |part: &str| tokens.0.get(part).and_then(|text| text.expose().parse::<i64>().ok());
    match (seconds(part::OBTAINED), seconds(part::EXPIRES)) {
        (Some(obtained), Some(expires)) => now.as_second() >= obtained + (expires - obtained) / 2,
        _ => false,
    }
}

/// Fills parameters; those that name a setting that is not set are left out.
pub(super) fn filled(account: &Account, parameters: &BTreeMap<String, Template>) -> Vec<(String, Secret)> {
    let fill = |(name, template): (&String, &Template)| {
        Some((name.clone(), account.outbound.render(template, None).ok()?))
    };
    parameters.iter().filter_map(fill).collect()
}

/// Sends the body of a step of a login.
pub(super) async fn post(
    account: &Account,
    login: &DeviceLogin,
    url: &Template,
    fields: &[(String, Secret)],
) -> Result<Response, HttpError> {
    let url = Url::parse(&account.outbound.render_public(url))
        .map_err(|error| HttpError::Denied(format!("the address of the login is none: {error}")))?;
    let pairs = fields.iter().map(|(name, value)| (name.as_str(), value.expose()));
    let (content_type, body) = match login.encoding {
        Encoding::Json => {
            let fields: serde_json::Map<_, _> =
                pairs.map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
            ("application/json", Value::Object(fields).to_string())
        }
        Encoding::Form => (
            "application/x-www-form-urlencoded",
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish(),
        ),
    };
    let mut headers = vec![("content-type".to_owned(), content_type.to_owned())];
    headers.extend(
        filled(account, &login.headers).into_iter().map(|(name, value)| (name, value.expose().to_owned())),
    );
    let request = Request {
        method: reqwest::Method::POST,
        url,
        headers,
        body: Some(body.into_bytes()),
        timeout: REQUEST_TIMEOUT,
    };
    account.outbound.send(request, Purpose::Login).await
}

/// Reads an OAuth 2 token answer.
pub(super) fn read_tokens(answer: &Response, now: Timestamp) -> Result<BTreeMap<String, Secret>, String> {
    let body: Value = serde_json::from_slice(&answer.body)
        .map_err(|_| "the service's login answer cannot be read".to_owned())?;
    let access = body[part::ACCESS].as_str().ok_or("the service's login answer has no access token")?;
    let mut tokens = BTreeMap::from([
        (part::ACCESS.to_owned(), Secret::new(access)),
        (part::OBTAINED.to_owned(), Secret::new(now.as_second().to_string())),
    ]);
    if let Some(refresh) = body[part::REFRESH].as_str() {
        tokens.insert(part::REFRESH.to_owned(), Secret::new(refresh));
    }
    if let Some(seconds) = body["expires_in"].as_i64() {
        tokens.insert(part::EXPIRES.to_owned(), Secret::new((now.as_second() + seconds).to_string()));
    }
    Ok(tokens)
}
