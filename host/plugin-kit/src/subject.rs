//! The component that is tested, with an account that is made up. Nothing reaches a network, a database or a login.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::Timestamp;
use playrelay_plugin_host::account::{Account, Settings};
use playrelay_plugin_host::compile::Compiler;
use playrelay_plugin_host::http::client::HttpClient;
use playrelay_plugin_host::http::{HostIdentity, HttpError, LoginTokens, OutboundDeps};
use playrelay_plugin_host::manifest::{Limits, Manifest, SettingKind, part};
use playrelay_plugin_host::permissions::PermissionReport;
use playrelay_plugin_host::plugin::{CallTarget, Plugin};
use playrelay_plugin_host::ports::{KeyValue, Logins, QuotaStore, QuotaUsage, UsageRule};
use playrelay_plugin_host::runtime::Runtime;
use playrelay_plugin_host::{registry, wasm};
use playrelay_util::lock::lock;
use playrelay_util::secret::Secret;

use crate::KitError;
use crate::cassette::Cassette;

/// The account's name.
pub const ACCOUNT: &str = "test";
/// In whose name requests are made.
const IDENTITY: HostIdentity = HostIdentity { name: "playrelay", version: env!("CARGO_PKG_VERSION") };

/// A component under test.
pub struct Subject {
    /// It can be called.
    pub plugin: Arc<Plugin>,
    /// What it asks for.
    pub report: PermissionReport,
}

impl Subject {
    /// Loads a component. It is judged as the daemon judges it, and its engine counts instructions. `cache` is a folder for compiled code;
    /// `program` the `playrelay` that compiles.
    ///
    /// # Errors
    ///
    /// The file is no plugin, or cannot be started.
    pub async fn load(component: &Path, cache: PathBuf, program: PathBuf) -> Result<Self, KitError> {
        let failed = |error: &dyn std::fmt::Display| KitError::Start(error.to_string());
        let report = registry::inspect(component)
            .map_err(|error| KitError::Plugin { path: component.to_owned(), error })?;
        let engine = wasm::metered().map_err(|error| failed(&error))?;
        let runtime = Arc::new(Runtime::start(engine).map_err(|error| failed(&error))?);
        let compiler = Compiler::open(cache, program).map_err(|error| failed(&error))?.metered();
        let compiler = Arc::new(compiler);
        let plugin = registry::load_for_dry_run(component, &runtime, &compiler).await;
        Ok(Self { plugin: plugin.map_err(KitError::Start)?, report })
    }

    /// An account with these settings, whose requests a cassette answers. Settings that are required and not set are made up.
    ///
    /// # Errors
    ///
    /// A setting is unknown, or an address among them is not valid.
    pub fn target(
        &self,
        settings: &BTreeMap<String, String>,
        cassette: Arc<Cassette>,
        received_at: Timestamp,
    ) -> Result<CallTarget, KitError> {
        let manifest = &self.plugin.manifest;
        if let Some(unknown) = settings.keys().find(|key| !manifest.settings.contains_key(*key)) {
            let known: Vec<&str> = manifest.settings.keys().map(String::as_str).collect();
            return Err(KitError::Start(format!(
                "plugin.toml has no [settings.{unknown}]; it has {}",
                if known.is_empty() { "none".to_owned() } else { known.join(", ") }
            )));
        }
        let mut wire = HttpClient::new(IDENTITY).map_err(KitError::Start)?;
        wire.transport = Some(cassette);
        let made_up = Arc::new(MadeUp::new(manifest));
        let deps = OutboundDeps {
            wire,
            logins: Arc::clone(&made_up) as Arc<dyn Logins>,
            counts: Arc::clone(&made_up) as Arc<dyn QuotaStore>,
            instance: "playrelay-test".to_owned(),
        };
        // A test does not wait for the pace of a service.
        let limits = Limits { response_mib: manifest.limits.response_mib, ..Limits::default() };
        let unhurried = Arc::new(Manifest { limits, ..Manifest::clone(manifest) });
        let account = Account::new(ACCOUNT, unhurried, settings_of(manifest, settings), deps)
            .map_err(|error| KitError::Start(format!("an address among the settings: {error}")))?;
        let mut target = CallTarget::new(&Arc::new(account), made_up);
        target.received_at = received_at;
        Ok(target)
    }
}

/// The settings of the account: those of the test, the defaults, and something for each that is required.
fn settings_of(manifest: &Manifest, set: &BTreeMap<String, String>) -> Settings {
    let mut settings = Settings::default();
    for (key, setting) in &manifest.settings {
        let is_needed = setting.required
            || setting.required_unless.as_ref().is_some_and(|other| !set.contains_key(other));
        let made_up = || match setting.kind {
            SettingKind::ServerUrl => "https://server.example".to_owned(),
            SettingKind::Integer => "1".to_owned(),
            SettingKind::Boolean => "true".to_owned(),
            SettingKind::String => format!("test-{key}"),
        };
        let value = set.get(key).or(setting.default.as_ref()).cloned();
        let Some(value) = value.or_else(|| is_needed.then(made_up)) else { continue };
        if set.contains_key(key) || is_needed {
            settings.user_set.insert(key.clone());
        }
        match setting.secret {
            true => drop(settings.secret.insert(key.clone(), Secret::new(value))),
            false => drop(settings.plain.insert(key.clone(), value)),
        }
    }
    settings
}

/// A login, a count and a small store of an account that does not exist.
struct MadeUp {
    login: Arc<LoginTokens>,
    values: Mutex<BTreeMap<(String, String), Vec<u8>>>,
}

impl MadeUp {
    fn new(manifest: &Manifest) -> Self {
        let secret =
            manifest.settings.iter().filter(|(_, setting)| setting.secret).map(|(key, _)| key.clone());
        let names = secret.chain([part::ACCESS.to_owned(), part::REFRESH.to_owned()]);
        let parts = names.map(|name| (name.clone(), Secret::new(format!("test-{name}")))).collect();
        let login = Arc::new(LoginTokens::for_plugin(&manifest.plugin.id, parts));
        Self { login, values: Mutex::default() }
    }
}

#[async_trait]
impl Logins for MadeUp {
    async fn current(&self, _account: &str) -> Result<Option<Arc<LoginTokens>>, HttpError> {
        Ok(Some(Arc::clone(&self.login)))
    }

    /// A service that refuses the login refuses it for good.
    async fn renew(
        &self,
        _account: &str,
        _rejected: &LoginTokens,
    ) -> Result<Option<Arc<LoginTokens>>, HttpError> {
        Ok(None)
    }

    async fn is_refused(&self, _account: &str) -> bool {
        false
    }
}

#[async_trait]
impl QuotaStore for MadeUp {
    async fn usage(&self, _account: &str) -> Result<Option<QuotaUsage>, String> {
        Ok(None)
    }

    async fn change_usage(&self, _account: &str, rule: UsageRule) -> Result<Option<QuotaUsage>, String> {
        Ok(rule(None))
    }
}

#[async_trait]
impl KeyValue for MadeUp {
    async fn get(&self, owner: &str, key: &str) -> Result<Option<Vec<u8>>, String> {
        Ok(lock(&self.values).get(&(owner.to_owned(), key.to_owned())).cloned())
    }

    async fn set(&self, owner: &str, key: &str, value: Vec<u8>, _ttl_s: Option<u32>) -> Result<bool, String> {
        lock(&self.values).insert((owner.to_owned(), key.to_owned()), value);
        Ok(true)
    }

    async fn delete(&self, owner: &str, key: &str) -> Result<(), String> {
        lock(&self.values).remove(&(owner.to_owned(), key.to_owned()));
        Ok(())
    }
}
