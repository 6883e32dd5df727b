//! A login by code of the plugin's own: the plugin says what is next, the user does it, and the secrets stay here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use playrelay_plugin_host::account::Account;
use playrelay_plugin_host::capabilities::{
    AuthInput, AuthOutcome, AuthPrompt, AuthStep, Authenticate, Grant, Revoke,
};
use playrelay_plugin_host::failure::Failure;
use playrelay_plugin_host::http::message::HttpError;
use playrelay_plugin_host::http::{LoginTokens, Origin};
use playrelay_plugin_host::manifest::{Login, LoginMethod, PluginLogin, SettingKind, part};
use playrelay_plugin_host::placeholders::SecretPlaceholders;
use playrelay_plugin_host::plugin::{CallTarget, Plugin};
use playrelay_plugin_host::{call_error, text};
use playrelay_store::vault::VaultError;
use playrelay_util::clock;
use playrelay_util::secret::Secret;
use url::Url;

use crate::auth::credentials::{CredentialManager, parts_of};
use crate::auth::device_flow::LoginError;

/// Addresses of one server that are tried.
const MAX_ADDRESSES: usize = 16;
/// Steps that follow each other without the user.
const MAX_STEPS: usize = MAX_ADDRESSES + 4;

/// A login that has begun.
pub struct PluginLoginFlow {
    plugin: Arc<Plugin>,
    target: CallTarget,
    placeholders: Arc<SecretPlaceholders>,
    state: Vec<u8>,
    /// Settings that were found out on the way.
    found: BTreeMap<String, String>,
    /// Whether nobody has ended it, or begun another one, meanwhile.
    is_wanted: Box<dyn Fn() -> bool + Send + Sync>,
}

/// The next step of a login.
#[derive(Clone, Debug, PartialEq)]
pub enum LoginStep {
    /// The user does something elsewhere.
    Prompt(AuthPrompt),
    /// The user has done nothing yet.
    Pending,
    /// The user chooses: ids and labels.
    Choose(Vec<(String, String)>),
    /// It is stored.
    Granted,
}

/// How the plugin of an account logs in, where it does so by code of its own and a login is needed.
pub fn methods(account: &Account) -> Option<&PluginLogin> {
    match &account.manifest.login {
        Some(Login::Plugin(login)) if account.needs_login() => Some(login),
        _ => None,
    }
}

/// The method of this name, or the first one.
///
/// # Errors
///
/// Fails where there is no method of this name; the error lists those that there are.
pub fn method<'a>(login: &'a PluginLogin, name: Option<&str>) -> Result<&'a LoginMethod, LoginError> {
    let Some(name) = name else {
        return login.methods.first().ok_or_else(|| LoginError::NoLogin("the plugin".to_owned()));
    };
    login.methods.iter().find(|method| method.id == name).ok_or_else(|| {
        let known: Vec<&str> = login.methods.iter().map(|method| method.id.as_str()).collect();
        LoginError::Form(format!("unknown method {name:?}; choose {}", known.join(" or ")))
    })
}

/// The form of a method, with the values of the user.
pub struct Form {
    method: String,
    /// As the plugin sees it: markers stand for secrets.
    shown: Vec<(String, String)>,
    secrets: Vec<(String, Secret)>,
}

impl Form {
    /// The form of a method, with what the user typed.
    ///
    /// # Errors
    ///
    /// Fails where a field that is not optional is missing or empty.
    pub fn of(method: &LoginMethod, mut typed: BTreeMap<String, String>) -> Result<Self, LoginError> {
        let mut form = Self { method: method.id.clone(), shown: Vec::new(), secrets: Vec::new() };
        for field in &method.fields {
            let value = typed.remove(&field.key).unwrap_or_default();
            if value.is_empty() && !field.optional {
                return Err(LoginError::Form(format!("it needs {}: {}", field.key, field.label)));
            }
            if field.secret {
                let marker = format!("{{form.{}}}", field.key);
                form.shown.push((field.key.clone(), marker.clone()));
                form.secrets.push((marker, Secret::new(value)));
            } else {
                form.shown.push((field.key.clone(), value));
            }
        }
        Ok(form)
    }
}

impl PluginLoginFlow {
    /// Begins. `is_wanted` says whether it is still wanted, at its end.
    ///
    /// # Errors
    ///
    /// Fails where the plugin or the service ends the login, or what it gave cannot be stored.
    pub async fn begin(
        plugin: Arc<Plugin>,
        target: CallTarget,
        form: Form,
        credentials: &CredentialManager,
        is_wanted: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Result<(Self, LoginStep), LoginError> {
        let placeholders = Arc::new(SecretPlaceholders::new(form.secrets));
        let target = CallTarget { placeholders: Some(Arc::clone(&placeholders)), ..target };
        let (state, found) = Default::default();
        let mut login = Self { plugin, target, placeholders, state, found, is_wanted: Box::new(is_wanted) };
        let next = login.transition(AuthInput::Begin(form.method, form.shown), credentials).await?;
        Ok((login, next))
    }

    /// Asks whether the user has done it.
    ///
    /// # Errors
    ///
    /// Fails as [`PluginLoginFlow::begin`] does.
    pub async fn poll(&mut self, credentials: &CredentialManager) -> Result<LoginStep, LoginError> {
        self.transition(AuthInput::Poll(self.state.clone()), credentials).await
    }

    /// Goes on with what the user has chosen.
    ///
    /// # Errors
    ///
    /// Fails as [`PluginLoginFlow::begin`] does.
    pub async fn choose(
        &mut self,
        id: &str,
        credentials: &CredentialManager,
    ) -> Result<LoginStep, LoginError> {
        self.transition(AuthInput::Choose(id.to_owned(), self.state.clone()), credentials).await
    }

    async fn transition(
        &mut self,
        first: AuthInput,
        credentials: &CredentialManager,
    ) -> Result<LoginStep, LoginError> {
        let mut input = first;
        for _ in 0..MAX_STEPS {
            let answer = self.plugin.call::<Authenticate>(&self.target, input).await.0;
            let AuthStep { outcome, state } = match answer {
                Ok(Ok(step)) => step,
                Ok(Err(failure)) => return Err(failed(failure)),
                Err(fault) => return Err(LoginError::Answer(fault.to_string())),
            };
            self.state = state;
            match outcome {
                AuthOutcome::Prompt(prompt) => return Ok(LoginStep::Prompt(prompt)),
                AuthOutcome::Pending => return Ok(LoginStep::Pending),
                AuthOutcome::Choose(choices) => return Ok(LoginStep::Choose(choices)),
                AuthOutcome::Denied => return Err(LoginError::Denied),
                AuthOutcome::Expired => return Err(LoginError::Expired),
                AuthOutcome::Settings(fields) => {
                    self.apply_found_settings(&fields).await?;
                    input = AuthInput::Poll(self.state.clone());
                }
                AuthOutcome::Granted(grant) => {
                    self.apply_found_settings(&grant.settings).await?;
                    self.keep(&grant, credentials).await?;
                    return Ok(LoginStep::Granted);
                }
            }
        }
        Err(LoginError::Answer(format!("the plugin took more than {MAX_STEPS} steps")))
    }

    /// Takes settings over that are no secrets. Of a server's addresses the first one that answers counts.
    async fn apply_found_settings(&mut self, fields: &[(String, String)]) -> Result<(), LoginError> {
        let manifest = Arc::clone(&self.target.account.manifest);
        let names: BTreeSet<&String> = fields.iter().map(|(name, _)| name).collect();
        for name in names {
            let Some(setting) = manifest.settings.get(name).filter(|setting| !setting.secret) else {
                continue;
            };
            // What the user typed stays.
            if self.target.account.is_user_set(name) {
                continue;
            }
            let candidates = fields.iter().filter(|(other, value)| other == name && !value.is_empty());
            let candidates: Vec<&String> = candidates.map(|(_, value)| value).collect();
            // It says that there is none.
            if candidates.is_empty() {
                self.found.insert(name.clone(), String::new());
                continue;
            }
            let value = match setting.kind {
                SettingKind::ServerUrl => self.first_reachable(name, &candidates).await?,
                _ => candidates.last().map(|value| (*value).clone()),
            };
            self.found.extend(value.map(|value| (name.clone(), value)));
        }
        if self.found.is_empty() {
            return Ok(());
        }
        self.placeholders.forget_form();
        let account = self.target.account.with(&self.found);
        let account = account.map_err(|error| {
            LoginError::Answer(format!("the login found an address that is not a valid URL: {error}"))
        })?;
        self.target.account = Arc::new(account);
        Ok(())
    }

    async fn first_reachable(
        &self,
        setting: &str,
        candidates: &[&String],
    ) -> Result<Option<String>, LoginError> {
        let candidates = &candidates[..candidates.len().min(MAX_ADDRESSES)];
        let mut reasons = Vec::new();
        for candidate in candidates {
            let account = &self.target.account;
            let reach = account.reach_of_found(setting, candidate);
            let shown = text::cut(candidate, text::KEY);
            let reason = match server_url(candidate) {
                None => format!("{shown} is not an allowed server address"),
                Some(url) => match account.outbound.answers(&url, reach).await {
                    Ok(()) => return Ok(Some((*candidate).clone())),
                    Err(HttpError::Denied(reason)) => format!(
                        "{shown} is not an allowed server address: {reason}, or allow it with `allow_loopback = true`"
                    ),
                    Err(error) => error.to_string(),
                },
            };
            reasons.push(reason);
        }
        Err(LoginError::Unreachable(reasons.join("; ")))
    }

    /// Stores what the login gives for settings that the user left open.
    async fn keep(&self, grant: &Grant, credentials: &CredentialManager) -> Result<(), LoginError> {
        let account = &self.target.account;
        // What a login before has found, and this one has not been told otherwise, stays.
        let found = account.found().filter(|(_, value)| !value.is_empty());
        let mut kept: BTreeMap<String, Secret> =
            found.map(|(name, value)| (name.to_owned(), Secret::new(value))).collect();
        let granted = parts_of(grant, &account.manifest, &self.placeholders, clock::now());
        kept.extend(granted.map_err(LoginError::Answer)?);
        let key = self.placeholders.device_key();
        kept.extend(key.map(|key| (part::DEVICE_KEY.to_owned(), key.to_stored())));
        if !(self.is_wanted)() {
            return Err(LoginError::Denied);
        }
        credentials.store(account, kept).await?;
        Ok(())
    }
}

/// An address that a login found is one of a server and nothing else.
fn server_url(candidate: &str) -> Option<Url> {
    let url = Url::parse(candidate).ok()?;
    (Origin::of(&url).is_ok() && url.query().is_none()).then_some(url)
}

/// The result of ending a login.
pub struct LogoutOutcome {
    /// Whether there was one.
    pub was_logged_in: bool,
    /// Whether a key in the configuration goes on to count.
    pub has_key: bool,
    /// Credentials that stay valid at the service; absent if none do.
    pub remains: Option<String>,
}

/// Ends the login of an account: at the service where that is possible, and here in any case.
///
/// # Errors
///
/// Fails where the vault cannot be read or written to: the login is still there.
pub async fn log_out(
    plugin: &Arc<Plugin>,
    target: &CallTarget,
    credentials: &CredentialManager,
) -> Result<LogoutOutcome, VaultError> {
    let account = &target.account;
    let has_key = account.manifest.login.is_some() && !account.needs_login();
    let (was_logged_in, is_own) = match credentials.vault().get(&account.name).await {
        // What cannot be opened is forgotten all the same.
        Err(VaultError::WrongKey(_)) => (true, false),
        kept => {
            let kept = kept?.map(LoginTokens);
            (kept.is_some(), kept.is_some_and(|login| login.belongs_to(&account.manifest.plugin.id)))
        }
    };
    // By its own code a plugin would end the key of the configuration instead.
    let by_plugin = matches!(account.manifest.login, Some(Login::Plugin(_))) && is_own && !has_key;
    let remains = if by_plugin { revoke(plugin, target).await } else { None };
    let remains = credentials.disconnect(account).await?.or(remains);
    Ok(LogoutOutcome { was_logged_in, has_key, remains })
}

/// Ends a login at the service. Says what remains valid there.
async fn revoke(plugin: &Arc<Plugin>, target: &CallTarget) -> Option<String> {
    let answer = plugin.call::<Revoke>(target, ()).await.0;
    call_error::value(answer).unwrap_or_else(|error| Some(error.to_string()))
}

fn failed(failure: Failure) -> LoginError {
    match failure {
        Failure::Retry { reason, .. } | Failure::Quota { reason, .. } => {
            LoginError::Http(HttpError::Unreachable(reason))
        }
        Failure::Unauthorized(reason) | Failure::Blocked(reason) | Failure::Rejected(reason) => {
            LoginError::Refused(reason)
        }
    }
}
