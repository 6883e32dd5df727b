//! The application: configuration, store, plugins and accounts, put together.

pub mod adapters;
mod lookup;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use adapters::{BUNDLED, IDENTITY, PluginStore};
use futures_util::future::try_join_all;
use playrelay_engine::policy::Heartbeat;
use playrelay_plugin_host::account::{Account, Accounts, Settings};
use playrelay_plugin_host::artifact::Digest;
use playrelay_plugin_host::compile::{CompileError, Compiler};
use playrelay_plugin_host::http::OutboundDeps;
use playrelay_plugin_host::http::client::HttpClient;
use playrelay_plugin_host::manifest::{Login, Manifest};
use playrelay_plugin_host::plugin::{CallTarget, Plugin};
use playrelay_plugin_host::registry::{Plugins, Status};
use playrelay_plugin_host::runtime::Runtime;
use playrelay_plugin_host::{registry, wasm};
use playrelay_store::sqlite::SqliteStore;
use playrelay_store::vault::{Vault, VaultError};
use playrelay_store::{SharedOwner, SharedStore, StoreError, vault};
use playrelay_util::secret::Secret;
use tempfile::TempDir;

use crate::auth::credentials::CredentialManager;
use crate::config;
use crate::config::{AccountConfig, Config, ConfigError, RoleRequirements, source};
use crate::record::Recorder;
use crate::webhooks::registration;
use crate::webhooks::registration::{Registration, Tokens};

/// The folder of compiled plugins in the data folder.
const CACHE: &str = "cache";
/// The database's name in the data folder.
const DATABASE: &str = "playrelay.db";

/// Why the house does not stand.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The configuration is wrong.
    #[error("{}", list(.0))]
    Config(Vec<ConfigError>),
    /// The data folder cannot be used.
    #[error(
        "the data folder {path} cannot be used: {error}; set `data_dir` in [server] to one that can be written to"
    )]
    Data {
        /// The folder.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Another daemon lives there.
    #[error("another Playrelay uses the data folder {0}; stop it, or set another `data_dir` in [server]")]
    Occupied(PathBuf),
    /// The data folder belongs to somebody else.
    #[error(
        "the data folder {path} belongs to user {owner}, and this is user {us}: run it as that user, or give the folder to this one with \
         `chown -R {us} {path}`"
    )]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who we are.
        us: u32,
    },
    /// The address is taken.
    #[error("cannot listen on {address}: {error}; set another `listen` in [server]")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// The database fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The secrets cannot be kept.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The cache of compiled plugins fails.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The plugin engine or the HTTP client does not come up.
    #[error("{0}")]
    Engine(String),
}

pub(crate) fn list(problems: &[ConfigError]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// What a command is going to do to the data folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Only look at it. A missing folder stays missing.
    Look,
    /// Keep something there.
    Change,
}

/// Opens the store in the data folder, which is made where it is missing (mode 0700).
pub fn open_store(config: &Config) -> Result<SharedOwner, AppError> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};
    let data = &config.server.data_dir;
    let failed = |error| AppError::Data { path: data.clone(), error };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(data).map_err(failed)?;
    let database = data.join(DATABASE);
    SqliteStore::open(&database).map(|store| Arc::new(store) as SharedOwner).map_err(|error| {
        let us = rustix::process::geteuid().as_raw();
        let owner = fs::metadata(&database).or_else(|_| fs::metadata(data)).map(|facts| facts.uid());
        match owner {
            Ok(owner) if owner != us && us != 0 => AppError::Foreign { path: data.clone(), owner, us },
            _ => error.into(),
        }
    })
}

/// A store that a command only reads. A missing database is replaced by an empty temporary one.
pub struct ReadOnlyStore {
    /// The store.
    pub store: SharedStore,
    _scratch: Option<Arc<TempDir>>,
}

/// Opens the store to look at it: nothing is made where there is nothing.
pub fn open_store_to_read(config: &Config) -> Result<ReadOnlyStore, AppError> {
    let (config, scratch) = prepared(config.clone(), Purpose::Look)?;
    Ok(ReadOnlyStore { store: open_store(&config)?, _scratch: scratch })
}

/// The configuration with a data folder that may be written to, whatever the purpose.
fn prepared(mut config: Config, purpose: Purpose) -> Result<(Config, Option<Arc<TempDir>>), AppError> {
    if purpose == Purpose::Change || config.server.data_dir.join(DATABASE).exists() {
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

/// Everything but the daemon. A clone is the same house.
#[derive(Clone)]
pub struct App {
    /// What the user wants.
    pub config: Config,
    /// The store.
    pub store: SharedStore,
    /// The same, for the tasks of this process: it owns all sources and accounts.
    pub owner: SharedOwner,
    /// The logins.
    pub credentials: Arc<CredentialManager>,
    /// All plugins that were found.
    pub plugins: Arc<Plugins>,
    /// The accounts whose plugins serve.
    pub accounts: BTreeMap<String, Arc<Account>>,
    /// What is wrong with the configuration, now that the plugins are known.
    pub problems: Vec<ConfigError>,
    /// Accounts that cannot work yet, and why. They stop nothing else.
    pub waiting: Vec<String>,
    /// What each of the accounts was made of.
    pub(crate) facts: BTreeMap<String, AccountSpec>,
    /// The accounts as everybody sees them.
    pub(crate) shared: Accounts,
    pub(crate) wire: HttpClient,
    /// A random name of this installation, by which services know it from others.
    pub(crate) instance: String,
    /// Another one, which stays with the database.
    pub(crate) installation: String,
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) compiler: Arc<Compiler>,
    /// The data folder, where it is only for now.
    _scratch: Option<Arc<TempDir>>,
}

/// What an account is made of: as long as this stays, so does the account.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AccountSpec {
    pub(crate) plugin: String,
    pub(crate) settings: Settings,
    pub(crate) source: source::SourceOptions,
    /// A digest of the login that fills its open settings: another login makes another account.
    pub(crate) login: Option<Digest>,
}

impl App {
    /// Puts everything together.
    pub async fn open(config: Config, purpose: Purpose) -> Result<Self, AppError> {
        let program = std::env::current_exe().map_err(|error| AppError::Engine(error.to_string()))?;
        let (config, scratch) = prepared(config, purpose)?;
        Ok(Self { _scratch: scratch, ..Self::open_with(config, program).await? })
    }

    /// The same inside of another program; `compiler` is the `playrelay` that compiles plugins.
    pub async fn open_with(config: Config, compiler: PathBuf) -> Result<Self, AppError> {
        let owner = open_store(&config)?;
        let store: SharedStore = owner.clone();
        let data = &config.server.data_dir;
        let shared = Accounts::default();
        let vault = Vault::open(Arc::clone(&store), &vault::key_path(data)).await?;
        let failed = |error: &dyn std::fmt::Display| AppError::Engine(error.to_string());
        let engine = wasm::new().map_err(|error| failed(&error))?;
        let runtime = Arc::new(Runtime::start(engine).map_err(|error| failed(&error))?);
        let compiler = Compiler::open(data.join(CACHE), compiler)?;
        let approvals = adapters::approvals(store.approvals().await?);
        let plugins =
            Arc::new(Plugins::load(&runtime, &compiler, BUNDLED, &config.plugin_dir, &approvals).await?);
        let keeper = CredentialManager::new(
            vault,
            shared.clone(),
            Arc::clone(&plugins),
            Arc::new(PluginStore(store.clone())),
        );
        let installation = store.installation().await?;
        let mut wire = HttpClient::new(IDENTITY).map_err(AppError::Engine)?;
        wire.recorder = Some(Arc::new(Recorder::new(data)));
        let instance = instance(keeper.vault()).await?;
        let mut house = Self {
            config,
            store,
            owner,
            credentials: keeper,
            plugins,
            accounts: BTreeMap::new(),
            problems: Vec::new(),
            waiting: Vec::new(),
            facts: BTreeMap::new(),
            shared,
            wire,
            instance,
            installation,
            runtime,
            compiler: Arc::new(compiler),
            _scratch: None,
        };
        house.add_all_accounts(None).await;
        house.shared.replace(house.accounts.clone());
        Ok(house)
    }

    /// The same house with another configuration. Accounts that stay as they are, are the same ones: they know how fast they may
    /// go, and what was used of the day's requests.
    pub(crate) async fn with_config(&self, config: Config) -> Self {
        let mut house = Self {
            config,
            accounts: BTreeMap::new(),
            problems: Vec::new(),
            waiting: Vec::new(),
            facts: BTreeMap::new(),
            ..self.clone()
        };
        house.add_all_accounts(Some(self)).await;
        house
    }

    pub(crate) async fn add_all_accounts(&mut self, before: Option<&Self>) {
        for role in [RoleRequirements::SOURCE, RoleRequirements::TRACKER, RoleRequirements::CATALOGUE] {
            let configured = match role.section {
                "sources" => self.config.sources.clone(),
                "trackers" => self.config.trackers.clone(),
                _ => self.config.catalogues.clone(),
            };
            for (name, configured) in &configured {
                if let Err(problem) = self.add_account(name, configured, &role, before).await {
                    self.problems.push(problem);
                }
            }
        }
        self.check_routes();
        self.problems.sort();
    }

    /// A route leads to somebody who can be told, and takes off lists of those who keep one.
    pub(crate) fn check_routes(&mut self) {
        self.check_heartbeats();
        let routes = &self.config.routes;
        for (name, tracker) in &self.config.trackers {
            let Some(account) = self.accounts.get(name) else { continue };
            let provides = &account.manifest.provides;
            let mut complain = |text| self.problems.push(ConfigError { place: tracker.place.clone(), text });
            if provides.sink.is_none() && provides.watchlist.is_none() {
                // It is no tracker at all, which was said.
                continue;
            }
            if provides.sink.is_none() && routes.iter().any(|route| route.tracker == *name) {
                complain(format!(
                    "a route leads to [trackers.{name}], which only keeps a watchlist; expected it in `watchlist_remove_from` of a \
                     route to another tracker"
                ));
            }
            let mut removals =
                routes.iter().map(|route| &route.removal).filter(|removal| removal.movies || removal.shows);
            if provides.watchlist.is_none() && removals.any(|removal| removal.accounts.contains(name)) {
                complain(format!(
                    "a route takes titles off the watchlist of [trackers.{name}], which keeps none"
                ));
            }
        }
    }

    /// A heartbeat that is set is not shorter than the tracker's plugin allows.
    pub(crate) fn check_heartbeats(&mut self) {
        for (name, tracker) in &self.config.trackers {
            let sink = self.accounts.get(name).and_then(|account| account.manifest.provides.sink.as_ref());
            let Some(least) = sink.and_then(|facts| facts.heartbeat_ms) else { continue };
            let least = Duration::from_millis(least.into());
            let routes = self.config.routes.iter().filter(|route| route.tracker == *name);
            let too_short = routes.filter_map(|route| match route.policy.heartbeat {
                Heartbeat::Every(interval) if interval < least => Some(interval),
                _ => None,
            });
            if let Some(interval) = too_short.min() {
                let text = format!(
                    "`heartbeat` of a route to [trackers.{name}] is {} s; expected at least {} s, which plugin {:?} allows, or false",
                    interval.as_secs(),
                    least.as_secs(),
                    tracker.plugin
                );
                self.problems.push(ConfigError { place: tracker.place.clone(), text });
            }
        }
    }

    pub(crate) async fn add_account(
        &mut self,
        name: &str,
        configured: &AccountConfig,
        role: &RoleRequirements,
        before: Option<&Self>,
    ) -> Result<(), ConfigError> {
        let within = format!("[{}.{name}]", role.section);
        let problem = |text: String| ConfigError { place: configured.place.clone(), text };
        let Some(entry) = self.plugins.find(&configured.plugin) else {
            if !self.plugins.has_bundled() {
                let text = "this build has no bundled plugins: build it with `cargo xtask build`, or put plugins into the \
                            plugin directory";
                return Err(problem(text.to_owned()));
            }
            let known: Vec<String> = self.plugins.entries().iter().map(|entry| entry.id()).collect();
            return Err(problem(config::unknown_key_message("plugin", &configured.plugin, &within, &known)));
        };
        let plugin = match &entry.status {
            Status::Active(plugin) => plugin,
            Status::Pending => {
                let id = entry.id();
                let text = format!("account {name}: plugin {id} waits for `playrelay plugin approve {id}`");
                self.waiting.push(text);
                return Ok(());
            }
            Status::Broken(reason) => {
                self.waiting.push(format!("account {name}: plugin {} is broken: {reason}", entry.id()));
                return Ok(());
            }
        };
        let manifest = Arc::clone(&plugin.manifest);
        let mut settings = config::settings(name, configured, &manifest, role, &mut self.problems);
        let login = self.fill_from_login(name, &manifest, &mut settings).await;
        let facts = AccountSpec {
            login,
            plugin: configured.plugin.clone(),
            settings: settings.clone(),
            source: configured.source.clone(),
        };
        let same = before.filter(|before| before.facts.get(name) == Some(&facts));
        let account = match same.and_then(|before| before.accounts.get(name)) {
            Some(account) => Arc::clone(account),
            None => {
                let wire = self.wire.with_trust(&configured.source.trust).map_err(problem)?;
                let (logins, counts) =
                    (Arc::clone(&self.credentials), Arc::new(PluginStore(self.store.clone())));
                let instance = self.instance.clone();
                let common = OutboundDeps { wire, logins, counts, instance };
                Account::new(name, manifest, settings, common)
                    .map(Arc::new)
                    .map_err(|error| problem(format!("an address in {within} cannot be used: {error}")))?
            }
        };
        self.accounts.insert(name.to_owned(), account);
        self.facts.insert(name.to_owned(), facts);
        Ok(())
    }

    /// A login by the plugin's own code may know settings that the user left open: the server's address. Gives the login's stamp.
    pub(crate) async fn fill_from_login(
        &self,
        name: &str,
        manifest: &Manifest,
        settings: &mut Settings,
    ) -> Option<Digest> {
        let Some(Login::Plugin(login)) = &manifest.login else { return None };
        // Before the rest: a login that is stored in between is seen at the next look.
        let stamp = match self.revision(name).await {
            Ok(stamp) => stamp,
            Err(error) => {
                tracing::warn!("account {name}: {error}");
                return None;
            }
        };
        let is_set = |key: &String| settings.plain.contains_key(key) || settings.secret.contains_key(key);
        if login.unless.as_ref().is_some_and(is_set) {
            return stamp;
        }
        let kept = match self.credentials.load(name, &manifest.plugin.id).await {
            Ok(Some(kept)) => kept.0,
            Ok(None) => return stamp,
            Err(error) => {
                tracing::warn!("account {name}: {error}");
                return stamp;
            }
        };
        for (key, _) in manifest.settings.iter().filter(|(_, setting)| !setting.secret) {
            if let (Some(value), false) = (kept.get(key), settings.user_set.contains(key)) {
                settings.plain.insert(key.clone(), value.expose().to_owned());
                settings.user_set.insert(key.clone());
                settings.discovered.insert(key.clone());
            }
        }
        stamp
    }

    /// A digest of what the vault has under a name; it changes with every change of that.
    pub(crate) async fn revision(&self, name: &str) -> Result<Option<Digest>, StoreError> {
        Ok(self.store.secret(name).await?.map(|sealed| Digest::of(&sealed)))
    }

    /// What tells the logins from others, by account: it changes when somebody logs in, or out.
    pub(crate) async fn login_revisions(&self) -> Result<BTreeMap<String, Option<Digest>>, StoreError> {
        let stamps =
            self.uses_plugin_login().map(|name| async { Ok((name.clone(), self.revision(name).await?)) });
        Ok(try_join_all(stamps).await?.into_iter().collect())
    }

    /// The same as it was when the accounts were made.
    pub(crate) fn stored_logins(&self) -> BTreeMap<String, Option<Digest>> {
        let known = |name: &String| self.facts.get(name).and_then(|facts| facts.login.clone());
        self.uses_plugin_login().map(|name| (name.clone(), known(name))).collect()
    }

    /// The accounts that are logged in by their plugin's own code.
    pub(crate) fn uses_plugin_login(&self) -> impl Iterator<Item = &String> {
        let is_guided = |account: &Account| matches!(account.manifest.login, Some(Login::Plugin(_)));
        self.accounts.iter().filter(move |(_, account)| is_guided(account)).map(|(name, _)| name)
    }

    /// The same for the tokens of the webhooks.
    pub(crate) async fn token_revisions(&self) -> Result<Vec<Option<Digest>>, StoreError> {
        let names = self.config.sources.keys().map(|source| registration::token_key(source));
        try_join_all(names.map(|name| async move { self.revision(&name).await })).await
    }

    /// What opens a source's door.
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
    pub async fn registration(&self, source: &str) -> Result<Option<Registration>, AppError> {
        if !self.config.sources.contains_key(source) {
            return Ok(None);
        }
        let Some((plugin, caller)) = self.plugin(source) else { return Ok(None) };
        let tokens = self.webhook_tokens(source).await?;
        Ok(Some(Registration { plugin, caller, base: self.base_url(), tokens }))
    }

    /// A plugin from any file, to try it out on what it may not change.
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
