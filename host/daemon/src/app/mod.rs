//! The application: configuration, store, plugins and accounts, put together.

mod accounts;
pub mod adapters;
mod error;
pub(crate) mod known_plugins;
mod lookup;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use adapters::{BUNDLED, IDENTITY, PluginStore};
pub use error::AppError;
pub(crate) use error::list;
use playrelay_plugin_host::account::{Account, Accounts, Settings};
use playrelay_plugin_host::artifact::Digest;
use playrelay_plugin_host::compile::{Compilation, Compiler};
use playrelay_plugin_host::http::client::HttpClient;
use playrelay_plugin_host::plugin::{CallTarget, Plugin};
use playrelay_plugin_host::registry::{CurrentPlugins, Loader, Plugins};
use playrelay_plugin_host::runtime::Runtime;
use playrelay_plugin_host::{registry, wasm};
use playrelay_store::vault::{Vault, VaultError};
use playrelay_store::{OwnerStore, SharedOwner, SharedStore, open_file, open_server, vault};
use playrelay_util::lock;
use playrelay_util::secret::Secret;
use tempfile::TempDir;

use crate::auth::credentials::CredentialManager;
use crate::config::{Config, ConfigError, source};
use crate::plugin_audit::PluginAudit;
use crate::record::Recorder;
use crate::webhooks::registration;
use crate::webhooks::registration::{Registration, Tokens};

/// The folder of compiled plugins in the data folder.
const CACHE: &str = "cache";
/// The folder of copies of approved plugins in the data folder.
pub(crate) const LAST_GOOD: &str = "plugins-approved";
/// The database's name in the data folder.
pub const DATABASE: &str = "playrelay.db";

/// Whether a command changes the data folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Only look at it. A missing folder stays missing.
    Look,
    /// Keep something there.
    Change,
    /// Run the daemon there: what is not compiled yet is compiled while it runs.
    Serve,
}

impl Purpose {
    fn compilation(self) -> Compilation {
        match self {
            Self::Look | Self::Change => Compilation::OnDemand,
            Self::Serve => Compilation::Background,
        }
    }
}

/// Opens the store: the database that `[store] url` names, or the one in the data folder, which is made where it is missing (mode 0700).
///
/// # Errors
///
/// Fails where the folder cannot be made, belongs to another user, or holds a database that cannot be read. The folder stays.
pub async fn open_store(config: &Config) -> Result<SharedStore, AppError> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};
    let data = &config.server.data_dir;
    let failed = |error| AppError::Data { path: data.clone(), error };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(data).map_err(failed)?;
    if let Some(url) = &config.store.url {
        return Ok(Arc::new(open_server(url).await?));
    }
    let database = data.join(DATABASE);
    open_file(&database).map(|store| Arc::new(store) as SharedStore).map_err(|error| {
        let us = rustix::process::geteuid().as_raw();
        let owner = fs::metadata(&database).or_else(|_| fs::metadata(data)).map(|facts| facts.uid());
        match owner {
            Ok(owner) if owner != us && us != 0 => AppError::Foreign { path: data.clone(), owner, us },
            _ => error.into(),
        }
    })
}

/// Keeps daemons out of a data folder for as long as the file is open.
///
/// # Errors
///
/// Fails where a daemon uses the folder, or it cannot be opened.
pub fn lock_folder(data: &Path) -> Result<fs::File, AppError> {
    let failed = |error| AppError::Data { path: data.to_owned(), error };
    // The folder itself: a file in it could be removed, and another one locked.
    let file = fs::File::open(data).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(AppError::Occupied(data.to_owned())),
        Err(fs::TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// A store that a command only reads. A missing database is replaced by an empty temporary one.
pub struct ReadOnlyStore {
    /// The store.
    pub store: SharedStore,
    _scratch: Option<Arc<TempDir>>,
}

/// Opens the store to look at it: nothing is made where there is nothing.
///
/// # Errors
///
/// Fails where there is a database and it cannot be read.
pub async fn open_store_to_read(config: &Config) -> Result<ReadOnlyStore, AppError> {
    let (config, scratch) = prepared(config.clone(), Purpose::Look)?;
    Ok(ReadOnlyStore { store: open_store(&config).await?, _scratch: scratch })
}

/// The configuration with a data folder that may be written to, whatever the purpose.
fn prepared(mut config: Config, purpose: Purpose) -> Result<(Config, Option<Arc<TempDir>>), AppError> {
    let is_kept = config.store.url.is_some() || config.server.data_dir.join(DATABASE).exists();
    if purpose != Purpose::Look || is_kept {
        return Ok((config, None));
    }
    let failed = |error| AppError::Data { path: std::env::temp_dir(), error };
    let scratch = TempDir::with_prefix("playrelay-").map_err(failed)?;
    // What is compiled already need not be compiled again.
    let cache = config.server.data_dir.join(CACHE);
    if cache.is_dir()
        && let Ok(cache) = cache.canonicalize()
    {
        std::os::unix::fs::symlink(cache, scratch.path().join(CACHE)).map_err(failed)?;
    }
    config.server.data_dir = scratch.path().to_owned();
    Ok((config, Some(Arc::new(scratch))))
}

/// Reads the plugins that there are now. `before` has those that serve already.
async fn load_plugins(
    config: &Config,
    store: &SharedStore,
    runtime: &Arc<Runtime>,
    compiler: &Arc<Compiler>,
    before: Option<&Plugins>,
    compilation: Compilation,
) -> Result<Plugins, AppError> {
    let approvals = adapters::approvals(store.approvals().await?, &config.plugin_approvals);
    let last_good = config.server.data_dir.join(LAST_GOOD);
    let loader = Loader {
        runtime,
        compiler,
        bundled: BUNDLED,
        directory: &config.plugin_dir,
        last_good: &last_good,
        approvals: &approvals,
        compilation,
    };
    // On the heap: the state of a component that starts is large.
    Ok(Box::pin(loader.load(before)).await?)
}

/// The random name of this installation; made up once. Without the key that it is kept with it is another one for a while.
async fn instance(vault: &Vault) -> Result<String, VaultError> {
    const NAME: &str = "host:instance";
    let short = |token: Secret| Secret::new(format!("playrelay-{}", &token.expose()[..16]));
    let name = match vault.get_or_create(NAME, NAME, short).await {
        Ok((name, _)) => name,
        Err(VaultError::WrongKey(_)) => short(vault::random_token()?),
        Err(error) => return Err(error),
    };
    Ok(name.expose().to_owned())
}

/// The parts that the daemon and the commands share: configuration, store, plugins, accounts. A clone is the same app.
#[derive(Clone)]
pub struct App {
    /// The configuration.
    pub config: Config,
    /// The store.
    pub store: SharedStore,
    /// The logins.
    pub credentials: Arc<CredentialManager>,
    /// All plugins that were found.
    pub plugins: Arc<Plugins>,
    /// The same for what outlives a change of them.
    pub(crate) current_plugins: CurrentPlugins,
    /// The accounts whose plugins serve.
    pub accounts: BTreeMap<String, Arc<Account>>,
    /// Errors in the configuration that only the plugins show.
    pub problems: Vec<ConfigError>,
    /// Accounts that cannot work yet, and why. They stop nothing else.
    pub waiting: Vec<String>,
    /// The parts of the configuration that each account depends on.
    pub(crate) facts: BTreeMap<String, AccountSpec>,
    /// The accounts as everybody sees them.
    pub(crate) shared: Accounts,
    pub(crate) wire: HttpClient,
    /// What plugins reached since it was last written to the store.
    pub(crate) audit: PluginAudit,
    /// A random name of this installation, by which services know it from others.
    pub(crate) instance: String,
    /// Another one, which stays with the database.
    pub(crate) installation: String,
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) compiler: Arc<Compiler>,
    /// When plugins are compiled that are not compiled yet.
    compilation: Compilation,
    /// Secrets of accounts that are about to be stored, by the account's name, while a configuration is judged.
    pub(crate) entered: BTreeMap<String, BTreeMap<String, Secret>>,
    /// The data folder, where it is only for now.
    _scratch: Option<Arc<TempDir>>,
}

/// The parts of the configuration that an account depends on. If none changes, the account stays.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AccountSpec {
    pub(crate) plugin: String,
    /// The digest of the plugin's bytes: another version makes another account.
    pub(crate) version: Option<Digest>,
    pub(crate) settings: Settings,
    pub(crate) source: source::SourceOptions,
    /// A digest of the login that fills its open settings: another login makes another account.
    pub(crate) login: Option<Digest>,
}

/// The app as it is configured now. A clone sees the same changes.
#[derive(Clone)]
pub struct CurrentApp(Arc<RwLock<Arc<App>>>);

impl CurrentApp {
    /// The app of a start.
    pub fn new(app: App) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(app))))
    }

    /// The app now.
    pub fn get(&self) -> Arc<App> {
        Arc::clone(&lock::read(&self.0))
    }

    /// Replaces the app: the configuration was changed.
    pub(crate) fn set(&self, app: App) {
        *lock::write(&self.0) = Arc::new(app);
    }
}

impl App {
    /// Puts everything together.
    ///
    /// # Errors
    ///
    /// Fails where the data folder, the database, the vault's key or the cache of compiled plugins cannot be used. Mistakes of the
    /// configuration and plugins that cannot be loaded are no failure: they are in `problems`.
    pub async fn open(config: Config, purpose: Purpose) -> Result<Self, AppError> {
        let program = std::env::current_exe().map_err(|error| AppError::Engine(error.to_string()))?;
        let (config, scratch) = prepared(config, purpose)?;
        Ok(Self { _scratch: scratch, ..Self::put_together(config, program, purpose.compilation()).await? })
    }

    /// The same inside of another program; `compiler` is the `playrelay` that compiles plugins.
    ///
    /// # Errors
    ///
    /// Fails as [`App::open`] does.
    pub async fn open_with(config: Config, compiler: PathBuf) -> Result<Self, AppError> {
        Self::put_together(config, compiler, Compilation::OnDemand).await
    }

    async fn put_together(
        config: Config,
        compiler: PathBuf,
        compilation: Compilation,
    ) -> Result<Self, AppError> {
        let store = open_store(&config).await?;
        let data = &config.server.data_dir;
        let shared = Accounts::default();
        let vault = Vault::open(Arc::clone(&store), &vault::key_path(data)).await?;
        let failed = |error: &dyn std::fmt::Display| AppError::Engine(error.to_string());
        let engine = wasm::new().map_err(|error| failed(&error))?;
        let mut runtime = Runtime::start(engine).map_err(|error| failed(&error))?;
        let recorder = Arc::new(Recorder::new(data));
        runtime.recorder = Some(recorder.clone());
        let runtime = Arc::new(runtime);
        let compiler = Arc::new(Compiler::open(data.join(CACHE), compiler)?);
        let plugins = Arc::new(load_plugins(&config, &store, &runtime, &compiler, None, compilation).await?);
        let current_plugins = CurrentPlugins::new(Arc::clone(&plugins));
        let credentials = CredentialManager::new(
            vault,
            shared.clone(),
            current_plugins.clone(),
            Arc::new(PluginStore(store.clone())),
        );
        let installation = store.installation().await?;
        let mut wire = HttpClient::new(IDENTITY).map_err(AppError::Engine)?;
        wire.recorder = Some(recorder);
        let audit = PluginAudit::default();
        wire.audit = Some(Arc::new(audit.clone()));
        let instance = instance(credentials.vault()).await?;
        let mut app = Self {
            config,
            store,
            credentials,
            plugins,
            current_plugins,
            accounts: BTreeMap::new(),
            problems: Vec::new(),
            waiting: Vec::new(),
            facts: BTreeMap::new(),
            shared,
            wire,
            audit,
            instance,
            installation,
            runtime,
            compiler,
            compilation,
            entered: BTreeMap::new(),
            _scratch: None,
        };
        app.add_all_accounts(None).await;
        app.shared.replace(app.accounts.clone());
        Ok(app)
    }

    /// The same app for the tasks of an owner: all that they store is refused once another node owns the household.
    pub(crate) fn owned_by(&self, owner: &SharedOwner) -> Self {
        Self { store: Arc::<dyn OwnerStore>::clone(owner), ..self.clone() }
    }

    /// The same app with another configuration. Accounts that stay as they are, are the same ones: they know how fast they may
    /// go, and what was used of the day's requests.
    pub(crate) async fn with_config(&self, config: Config) -> Self {
        self.with_config_after(config, self).await
    }

    /// The same, where the accounts that stay are those of another app.
    async fn with_config_after(&self, config: Config, before: &Self) -> Self {
        let mut app = Self {
            config,
            accounts: BTreeMap::new(),
            problems: Vec::new(),
            waiting: Vec::new(),
            facts: BTreeMap::new(),
            ..self.clone()
        };
        app.add_all_accounts(Some(before)).await;
        app
    }

    /// The same app with the plugins that are there now. Those whose bytes are the same stay as they are, and so do their accounts.
    ///
    /// # Errors
    ///
    /// Fails where the approvals cannot be read, or the cache of compiled plugins cannot be used.
    pub(crate) async fn with_plugins_of_now(&self) -> Result<Self, AppError> {
        let plugins = load_plugins(
            &self.config,
            &self.store,
            &self.runtime,
            &self.compiler,
            Some(&self.plugins),
            self.compilation,
        )
        .await?;
        let changed = Self { plugins: Arc::new(plugins), ..self.clone() };
        Ok(changed.with_config_after(self.config.clone(), self).await)
    }

    /// The token of a source's webhook.
    ///
    /// # Errors
    ///
    /// Fails where the vault cannot be read, or a new token cannot be written to it.
    pub async fn webhook_tokens(&self, source: &str) -> Result<Tokens, AppError> {
        let set = self.config.sources.get(source).and_then(|it| it.source.webhook_token.clone());
        Ok(registration::tokens(self.credentials.vault(), source, set).await?)
    }

    /// How media servers reach us, without a slash at its end.
    pub fn base_url(&self) -> String {
        let server = &self.config.server;
        server.public_url.clone().unwrap_or_else(|| match server.listen.ip().is_unspecified() {
            true => format!("http://<this-host>:{}", server.listen.port()),
            false => format!("http://{}", server.listen),
        })
    }

    /// A source's webhook; absent where there is no such source, or its plugin does not serve.
    ///
    /// # Errors
    ///
    /// Fails as [`App::webhook_tokens`] does.
    pub async fn registration(&self, source: &str) -> Result<Option<Registration>, AppError> {
        if !self.config.sources.contains_key(source) {
            return Ok(None);
        }
        let Some((plugin, target)) = self.plugin(source) else { return Ok(None) };
        let tokens = self.webhook_tokens(source).await?;
        Ok(Some(Registration { plugin, target, base: self.base_url(), tokens }))
    }

    /// A plugin from any file, to try it out on what it may not change.
    ///
    /// # Errors
    ///
    /// Says in words why the file is not a plugin that can run.
    pub async fn check_plugin(&self, path: &Path) -> Result<Arc<Plugin>, String> {
        registry::load_for_dry_run(path, &self.runtime, &self.compiler).await
    }

    /// Makes calls for an account, outside of the daemon.
    pub fn plugin(&self, account: &str) -> Option<(Arc<Plugin>, CallTarget)> {
        let account = self.accounts.get(account)?;
        let plugin = self.plugins.active(&account.manifest.plugin.id)?;
        Some((Arc::clone(plugin), CallTarget::new(account, Arc::new(PluginStore(self.store.clone())))))
    }
}
