//! The one owner of all logins.
//!
//! A login is refreshed when half of its life is over, by one task at a time, and the new one is stored before it is
//! used: a refresh token that serves only once must not be lost by a crash.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use playrelay_plugin_host::account::{Account, Accounts};
use playrelay_plugin_host::call_error::{self, CallError};
use playrelay_plugin_host::capabilities::{Grant, Renew};
use playrelay_plugin_host::device_key::DeviceKey;
use playrelay_plugin_host::failure::Failure;
use playrelay_plugin_host::http::LoginTokens;
use playrelay_plugin_host::http::message::{HttpError, Response};
use playrelay_plugin_host::manifest::{DeviceLogin, Login, Manifest, RefreshToken, part};
use playrelay_plugin_host::placeholders::SecretPlaceholders;
use playrelay_plugin_host::plugin::CallTarget;
use playrelay_plugin_host::ports::{KeyValue, Logins};
use playrelay_plugin_host::registry::CurrentPlugins;
use playrelay_store::vault::{Vault, VaultError};
use playrelay_util::clock;
use playrelay_util::secret::Secret;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::auth::oauth::{post, read_tokens, render_parameters};

/// After a refresh that failed for want of a connection, the next one waits this long while the login is still good.
const REFRESH_RETRY_DELAY: Duration = Duration::from_secs(60);

/// The state of an account's login.
#[derive(Default)]
struct CachedLogin {
    tokens: Option<Arc<LoginTokens>>,
    /// Whether it was looked at what is stored.
    is_known: bool,
    /// They are fresh, and could not be stored yet in the place of these. They must not be used before.
    replaces: Option<LoginTokens>,
    /// The service will not renew them; asking again is of no use.
    refused: bool,
    /// A refresh that failed is not repeated at once.
    not_before: Option<tokio::time::Instant>,
}

impl CachedLogin {
    fn with_tokens(tokens: Option<Arc<LoginTokens>>) -> Self {
        Self { tokens, ..Self::default() }
    }
}

/// Keeps the logins.
pub struct CredentialManager {
    this: Weak<Self>,
    vault: Vault,
    accounts: Accounts,
    plugins: CurrentPlugins,
    kv: Arc<dyn KeyValue>,
    slots: Mutex<HashMap<String, Arc<Mutex<CachedLogin>>>>,
}

impl CredentialManager {
    /// A keeper of what lies in the vault. The way out of the accounts is needed to refresh, or their plugins with their small store.
    pub fn new(
        vault: Vault,
        accounts: Accounts,
        plugins: CurrentPlugins,
        kv: Arc<dyn KeyValue>,
    ) -> Arc<Self> {
        let slots = Mutex::default();
        Arc::new_cyclic(|this| Self { this: Weak::clone(this), vault, accounts, plugins, kv, slots })
    }

    /// The vault.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    async fn slot(&self, account: &str) -> Arc<Mutex<CachedLogin>> {
        Arc::clone(self.slots.lock().await.entry(account.to_owned()).or_default())
    }

    /// The login that is kept for an account. One that another plugin was given under the same name is none of this one's: another
    /// company would see it.
    ///
    /// # Errors
    ///
    /// Fails where the vault cannot be read, or its key is another one.
    pub async fn load(&self, account: &str, plugin: &str) -> Result<Option<LoginTokens>, VaultError> {
        Ok(self.vault.get(account).await?.map(LoginTokens).filter(|login| login.belongs_to(plugin)))
    }

    /// Keeps a login for an account, in place of the one before.
    ///
    /// # Errors
    ///
    /// Fails where the vault cannot be written to: the login before stays.
    pub async fn store(&self, account: &Account, parts: BTreeMap<String, Secret>) -> Result<(), VaultError> {
        let login = LoginTokens::for_plugin(&account.manifest.plugin.id, parts);
        self.vault.put(&account.name, &login.0).await
    }

    async fn stored(&self, account: &str) -> Result<Option<Arc<LoginTokens>>, HttpError> {
        let Some(owner) = self.accounts.get(account) else { return Ok(None) };
        let kept = self.load(account, &owner.manifest.plugin.id).await.map_err(vault_failed)?;
        Ok(kept.map(Arc::new))
    }

    /// How the account logs in, where it does.
    fn device_login(&self, account: &str) -> Option<(Arc<Account>, DeviceLogin)> {
        let account = self.accounts.get(account)?;
        let Login::Oauth2Device(login) = account.manifest.login.as_ref()? else { return None };
        let login = (**login).clone();
        Some((account, login))
    }

    /// Exchanges a login for the next one. `None` where the service refuses it: the user has to log in.
    async fn refresh(&self, account: &str, old: &LoginTokens) -> Result<Option<Arc<LoginTokens>>, HttpError> {
        if let Some(stored) = old.0.get(part::DEVICE_KEY) {
            return self.renew_by_plugin(account, old, stored).await;
        }
        let Some((owner, login)) = self.device_login(account) else { return Ok(None) };
        let Some(refresh_token) = old.0.get(part::REFRESH) else { return Ok(None) };
        let mut fields = vec![
            ("grant_type".to_owned(), Secret::new("refresh_token")),
            (part::REFRESH.to_owned(), refresh_token.clone()),
        ];
        fields.extend(render_parameters(&owner, &login.parameters));
        fields.extend(render_parameters(&owner, &login.refresh_parameters));
        let url = login.refresh_url.as_ref().unwrap_or(&login.token_url);
        let answer = post(&owner, &login, url, &fields).await?;
        match answer.status {
            200..=299 => {
                let mut tokens = read_tokens(&answer, clock::now()).map_err(HttpError::Interrupted)?;
                if login.refresh_token != RefreshToken::Rotating {
                    tokens.entry(part::REFRESH.to_owned()).or_insert_with(|| refresh_token.clone());
                }
                tracing::info!(account, "login refreshed");
                Ok(Some(Arc::new(LoginTokens::for_plugin(&owner.manifest.plugin.id, tokens))))
            }
            status @ (400 | 401 | 403) => match oauth_error(&answer).as_deref() {
                Some("invalid_client" | "unauthorized_client") => Err(HttpError::Denied(format!(
                    "the service refused the app when the login was to be refreshed ({status}): check the client id"
                ))),
                Some("invalid_grant" | "invalid_token") => {
                    tracing::warn!(account, status, "the service refused to refresh the login");
                    Ok(None)
                }
                // A proxy in between, or a bad hour of the service: that must not cost a login that is good.
                _ => Err(HttpError::Unreachable(format!(
                    "refreshing the login failed: the service answered {status} and did not say that the login has ended; should that \
                     stay so, run `playrelay connect {account}`"
                ))),
            },
            status => Err(HttpError::Unreachable(format!(
                "refreshing the login failed: the service answered {status}"
            ))),
        }
    }

    /// The same by code of the account's plugin, with the device key of the login.
    async fn renew_by_plugin(
        &self,
        account: &str,
        old: &LoginTokens,
        stored_key: &Secret,
    ) -> Result<Option<Arc<LoginTokens>>, HttpError> {
        let Some(owner) = self.accounts.get(account) else { return Ok(None) };
        let plugin_id = &owner.manifest.plugin.id;
        let failed = |reason: String| HttpError::Unreachable(format!("renewing the login failed: {reason}"));
        let plugins = self.plugins.get();
        let Some(plugin) = plugins.active(plugin_id) else {
            return Err(failed(format!("plugin {plugin_id} does not serve")));
        };
        let key = match DeviceKey::from_stored(stored_key) {
            Ok(key) => key,
            Err(error) => {
                tracing::warn!(account, "{error}");
                return Ok(None);
            }
        };
        let placeholders = Arc::new(SecretPlaceholders::with_device_key(key));
        let target = CallTarget {
            placeholders: Some(Arc::clone(&placeholders)),
            ..CallTarget::new(&owner, Arc::clone(&self.kv))
        };
        let grant = match call_error::value(plugin.call::<Renew>(&target, ()).await.0) {
            Ok(grant) => grant,
            Err(CallError::Failure(Failure::Unauthorized(reason))) => {
                tracing::warn!(account, reason, "the service refused to renew the login");
                return Ok(None);
            }
            Err(error) => return Err(failed(error.to_string())),
        };
        let mut parts = old.0.clone();
        parts.remove(part::EXPIRES);
        parts.extend(parts_of(&grant, &owner.manifest, &placeholders, clock::now()).map_err(failed)?);
        tracing::info!(account, "login renewed");
        Ok(Some(Arc::new(LoginTokens::for_plugin(plugin_id, parts))))
    }

    /// Ends a login: at the service where that is possible, and here in any case. Gives what went wrong at the service.
    ///
    /// # Errors
    ///
    /// Fails where the vault cannot be written to: the login is still there. One whose key is lost is removed all the same.
    pub async fn disconnect(&self, account: &Account) -> Result<Option<String>, VaultError> {
        let slot = self.slot(&account.name).await;
        let mut slot = slot.lock().await;
        let stored = self.vault.get(&account.name).await;
        self.vault.remove(&account.name).await?;
        *slot = CachedLogin::default();
        match stored {
            Ok(Some(tokens)) => Ok(revoke(account, &LoginTokens(tokens)).await.err()),
            // What cannot be opened is forgotten all the same.
            Ok(None) | Err(VaultError::WrongKey(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Refreshes the login in a slot and stores it.
    async fn refresh_slot(
        &self,
        account: &str,
        slot: &mut CachedLogin,
        old: &LoginTokens,
    ) -> Result<(), HttpError> {
        match self.refresh(account, old).await? {
            Some(fresh) => {
                *slot = CachedLogin { replaces: Some(old.clone()), ..CachedLogin::with_tokens(Some(fresh)) };
                self.save(account, slot).await
            }
            None => {
                slot.refused = true;
                Ok(())
            }
        }
    }

    /// Stores a fresh login. Until that has worked it stays in memory and is not used. A person who has logged in or out meanwhile is right.
    async fn save(&self, account: &str, slot: &mut CachedLogin) -> Result<(), HttpError> {
        let (Some(before), Some(fresh)) = (&slot.replaces, &slot.tokens) else { return Ok(()) };
        if self.vault.replace(account, &before.0, &fresh.0).await.map_err(vault_failed)? {
            slot.replaces = None;
        } else {
            *slot = CachedLogin { is_known: true, ..CachedLogin::with_tokens(self.stored(account).await?) };
        }
        Ok(())
    }

    /// Takes over what somebody else has stored: another process may have logged in.
    async fn reload(&self, account: &str, slot: &mut CachedLogin) -> Result<(), HttpError> {
        self.save(account, slot).await?;
        let stored = CachedLogin::with_tokens(self.stored(account).await?);
        if stored.tokens != slot.tokens {
            // The first look of a process finds what was there before.
            match (&slot.tokens, &stored.tokens) {
                (None, Some(_)) if slot.is_known => tracing::info!(account, "logged in"),
                (Some(_), None) => tracing::info!(account, "logged out"),
                _ => {}
            }
            *slot = stored;
        }
        slot.is_known = true;
        Ok(())
    }

    async fn current_login(&self, account: &str) -> Result<Option<Arc<LoginTokens>>, HttpError> {
        let slot = self.slot(account).await;
        let mut slot = slot.lock().await;
        self.reload(account, &mut slot).await?;
        let Some(tokens) = slot.tokens.clone() else { return Ok(None) };
        let paused = slot.not_before.is_some_and(|until| tokio::time::Instant::now() < until);
        if is_past_half_life(&tokens, clock::now()) && !slot.refused && !paused {
            if let Err(error) = self.refresh_slot(account, &mut slot, &tokens).await {
                // The old one still serves; should it not, its 401 leads to `renew`.
                tracing::warn!(account, "the login could not be refreshed yet: {error}");
                slot.not_before = Some(tokio::time::Instant::now() + REFRESH_RETRY_DELAY);
            }
            self.save(account, &mut slot).await?;
        }
        Ok(slot.tokens.clone())
    }

    async fn renewed_login(
        &self,
        account: &str,
        rejected: &LoginTokens,
    ) -> Result<Option<Arc<LoginTokens>>, HttpError> {
        let slot = self.slot(account).await;
        let mut slot = slot.lock().await;
        self.reload(account, &mut slot).await?;
        // Another task, or another process, may have renewed it meanwhile.
        if slot.tokens.as_deref() == Some(rejected) && !slot.refused {
            self.refresh_slot(account, &mut slot, rejected).await?;
        }
        Ok(slot.tokens.clone().filter(|tokens| **tokens != *rejected))
    }

    /// Runs something to its end, whatever becomes of the caller: a plugin's call that runs out of time must not take
    /// a fresh login with it.
    async fn run_to_completion<T: Send + 'static, F>(
        &self,
        work: impl FnOnce(Arc<Self>) -> F,
    ) -> Result<T, HttpError>
    where
        F: Future<Output = Result<T, HttpError>> + Send + 'static,
    {
        let gone = || HttpError::Unreachable("the program is stopping".to_owned());
        let this = self.this.upgrade().ok_or_else(gone)?;
        tokio::spawn(work(this)).await.unwrap_or_else(|_| Err(gone()))
    }
}

#[async_trait]
impl Logins for CredentialManager {
    async fn current(&self, account: &str) -> Result<Option<Arc<LoginTokens>>, HttpError> {
        let account = account.to_owned();
        self.run_to_completion(|this| async move { this.current_login(&account).await }).await
    }

    async fn renew(
        &self,
        account: &str,
        rejected: &LoginTokens,
    ) -> Result<Option<Arc<LoginTokens>>, HttpError> {
        let (account, rejected) = (account.to_owned(), rejected.clone());
        self.run_to_completion(|this| async move { this.renewed_login(&account, &rejected).await }).await
    }

    async fn is_refused(&self, account: &str) -> bool {
        let slot = self.slot(account).await;
        let slot = slot.lock().await;
        slot.refused || slot.tokens.is_none()
    }
}

/// Asks the service to forget a login.
async fn revoke(account: &Account, tokens: &LoginTokens) -> Result<(), String> {
    if !tokens.belongs_to(&account.manifest.plugin.id) {
        let other = tokens.0.get(part::PLUGIN).map_or("another plugin", Secret::expose);
        return Err(format!("the login was one of {other}; the settings there end it"));
    }
    let Some(Login::Oauth2Device(login)) = &account.manifest.login else { return Ok(()) };
    let (Some(url), Some(access)) = (&login.revoke_url, tokens.0.get(part::ACCESS)) else {
        return Err("the service has no way to end a login; its settings have".to_owned());
    };
    let mut fields = vec![("token".to_owned(), access.clone())];
    fields.extend(render_parameters(account, &login.parameters));
    fields.extend(render_parameters(account, &login.revoke_parameters));
    match post(account, login, url, &fields).await {
        Ok(answer) if (200..300).contains(&answer.status) => Ok(()),
        Ok(answer) => Err(format!("the service answered {} when it was to end the login", answer.status)),
        Err(error) => Err(error.to_string()),
    }
}

/// The reason that a refusal gives (RFC 6749, section 5.2).
fn oauth_error(answer: &Response) -> Option<String> {
    let body: Value = serde_json::from_slice(&answer.body).ok()?;
    Some(body["error"].as_str()?.to_owned())
}

fn vault_failed(error: VaultError) -> HttpError {
    match error {
        VaultError::Store(error) => HttpError::Unreachable(error.to_string()),
        error => HttpError::NotLoggedIn(error.to_string()),
    }
}

fn is_past_half_life(tokens: &LoginTokens, now: Timestamp) -> bool {
    let seconds = |part: &str| tokens.0.get(part).and_then(|text| text.expose().parse::<i64>().ok());
    match (seconds(part::OBTAINED), seconds(part::EXPIRES)) {
        (Some(obtained), Some(expires)) => now.as_second() >= obtained + (expires - obtained) / 2,
        _ => false,
    }
}

/// The parts of a login that a plugin's code gives: its secrets, whose it is, and its times.
pub(crate) fn parts_of(
    grant: &Grant,
    manifest: &Manifest,
    placeholders: &SecretPlaceholders,
    now: Timestamp,
) -> Result<BTreeMap<String, Secret>, String> {
    let now = now.as_second();
    let mut parts = BTreeMap::from([(part::OBTAINED.to_owned(), Secret::new(now.to_string()))]);
    for (name, value) in &grant.settings {
        if manifest.settings.get(name).is_some_and(|setting| setting.secret) {
            let secret = placeholders.secret(value).ok_or_else(|| format!("it gave no {name}"))?;
            parts.insert(name.clone(), secret);
        }
    }
    let name = grant.account_name.as_ref();
    parts.extend(name.map(|name| (part::ACCOUNT_NAME.to_owned(), Secret::new(name.clone()))));
    let expires = grant.expires_s.map(|seconds| now + i64::from(seconds));
    parts.extend(expires.map(|at| (part::EXPIRES.to_owned(), Secret::new(at.to_string()))));
    Ok(parts)
}
