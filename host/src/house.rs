//! The house: configuration, store, plugins and accounts, put together, and the daemon that lives in it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::api::{Api, LoginDesk};
use crate::arrivals::Arrivals;
use crate::artwork::Artwork;
use crate::board::Board;
use crate::clock;
use crate::config::{self, Config, Problem, RoleNeeds};
use crate::delivery::lane::Lane;
use crate::delivery::logins::LoginKeeper;
use crate::delivery::removals::Removals;
use crate::dispatch::people::People;
use crate::dispatch::presence::SourceFacts;
use crate::dispatch::routing::Routing;
use crate::ingress::{Door, Ingress};
use crate::pipeline::Pipeline;
use crate::pipeline::catalogue::Catalogue;
use crate::pipeline::settle::{Desk, Settler};
use crate::plugins::account::Account;
use crate::plugins::call::{Caller, Plugin, Runtime};
use crate::plugins::compile::{CompileError, Compiler};
use crate::plugins::engine;
use crate::plugins::http::Common;
use crate::plugins::http::wire::Wire;
use crate::plugins::registry::{self, Plugins, Status};
use crate::secret::Secret;
use crate::state::sqlite::Sqlite;
use crate::state::vault::{self, Vault, VaultError};
use crate::state::{SharedStore, StoreError};

/// How long requests under way may take to end when the daemon stops.
const SHUTDOWN: Duration = Duration::from_secs(10);
/// How long requests are kept that said nothing new.
const REPEATS_KEPT: Duration = Duration::from_secs(2 * 24 * 60 * 60);
/// Between two removals of old requests.
const PRUNE_EVERY: Duration = Duration::from_secs(60 * 60);

/// Why the house does not stand.
#[derive(Debug, thiserror::Error)]
pub enum HouseError {
    /// The configuration is wrong.
    #[error("{}", list(.0))]
    Config(Vec<Problem>),
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

fn list(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Opens the store in the data folder, which is made where it is missing (mode 0700).
pub fn open_store(config: &Config) -> Result<SharedStore, HouseError> {
    use std::os::unix::fs::DirBuilderExt;
    let data = &config.server.data_dir;
    let failed = |error| HouseError::Data { path: data.clone(), error };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(data).map_err(failed)?;
    Ok(Arc::new(Sqlite::open(&data.join("playrelay.db"))?))
}

/// Everything but the daemon.
pub struct House {
    /// What the user wants.
    pub config: Config,
    /// What must not be forgotten.
    pub store: SharedStore,
    /// The logins.
    pub keeper: Arc<LoginKeeper>,
    /// All plugins that were found.
    pub plugins: Plugins,
    /// The accounts whose plugins serve.
    pub accounts: BTreeMap<String, Arc<Account>>,
    /// What is wrong with the configuration, now that the plugins are known.
    pub problems: Vec<Problem>,
    /// Accounts that cannot work yet, and why. They stop nothing else.
    pub waiting: Vec<String>,
    runtime: Arc<Runtime>,
    compiler: Compiler,
}

impl House {
    /// Puts everything together.
    pub async fn open(config: Config) -> Result<Self, HouseError> {
        let program = std::env::current_exe().map_err(|error| HouseError::Engine(error.to_string()))?;
        Self::open_with(config, program).await
    }

    /// The same inside of another program; `compiler` is the `playrelay` that compiles plugins.
    pub async fn open_with(config: Config, compiler: PathBuf) -> Result<Self, HouseError> {
        let store = open_store(&config)?;
        let data = &config.server.data_dir;
        let keeper = LoginKeeper::new(Vault::open(Arc::clone(&store), &vault::key_path(data))?);
        let failed = |error: &dyn std::fmt::Display| HouseError::Engine(error.to_string());
        let engine = engine::new().map_err(|error| failed(&error))?;
        let runtime = Arc::new(Runtime::start(engine).map_err(|error| failed(&error))?);
        let compiler = Compiler::open(data.join("cache"), compiler)?;
        let approvals = store.approvals().await?;
        let plugins = Plugins::load(&runtime, &compiler, &config.plugin_dir, &approvals)
            .await
            .map_err(|error| failed(&error))?;
        let wire = Wire::new().map_err(|error| failed(&error))?;
        let mut house = Self {
            config,
            store,
            keeper,
            plugins,
            accounts: BTreeMap::new(),
            problems: Vec::new(),
            waiting: Vec::new(),
            runtime,
            compiler,
        };
        let (logins, counts) = (Arc::clone(&house.keeper), Arc::clone(&house.store));
        let common = Common { wire, logins, counts };
        for role in [RoleNeeds::SOURCE, RoleNeeds::TRACKER, RoleNeeds::CATALOGUE] {
            house.add_accounts(&role, &common);
        }
        house.problems.sort();
        house.keeper.introduce(house.accounts.values().cloned());
        Ok(house)
    }

    fn add_accounts(&mut self, role: &RoleNeeds, common: &Common) {
        let configured = match role.section {
            "sources" => &self.config.sources,
            "trackers" => &self.config.trackers,
            _ => &self.config.catalogues,
        };
        for (name, configured) in configured {
            let Some(entry) = self.plugins.find(&configured.plugin) else {
                let known: Vec<String> = self.plugins.entries().iter().map(|entry| entry.id()).collect();
                let within = format!("[{}.{name}]", role.section);
                let text = config::unknown("plugin", &configured.plugin, &within, &known);
                self.problems.push(Problem { place: configured.place.clone(), text });
                continue;
            };
            let plugin = match &entry.status {
                Status::Active(plugin) => plugin,
                Status::Pending => {
                    let id = entry.id();
                    let text =
                        format!("account {name}: plugin {id} waits for `playrelay plugin approve {id}`");
                    self.waiting.push(text);
                    continue;
                }
                Status::Broken(reason) => {
                    self.waiting.push(format!("account {name}: plugin {} is broken: {reason}", entry.id()));
                    continue;
                }
            };
            let manifest = Arc::clone(&plugin.manifest);
            let settings = config::settings(name, configured, &manifest, role, &mut self.problems);
            match Account::new(name, manifest, settings, common.clone()) {
                Ok(account) => {
                    self.accounts.insert(name.clone(), Arc::new(account));
                }
                Err(error) => {
                    let text = format!("an address in [{}.{name}] cannot be used: {error}", role.section);
                    self.problems.push(Problem { place: configured.place.clone(), text });
                }
            }
        }
    }

    /// The token in the address of a source's webhook: the configured one, else one that was made up once.
    pub async fn webhook_token(&self, source: &str) -> Result<Secret, HouseError> {
        const PART: &str = "token";
        if let Some(token) = self.config.sources.get(source).and_then(|source| source.webhook_token.clone()) {
            return Ok(token);
        }
        let name = format!("webhook:{source}");
        let vault = self.keeper.vault();
        match vault.get(&name).await {
            Ok(stored) => {
                if let Some(token) = stored.and_then(|mut stored| stored.remove(PART)) {
                    return Ok(token);
                }
            }
            Err(VaultError::WrongKey(_)) => {
                tracing::warn!(source, "the webhook's token was sealed with another key; it gets a new one");
            }
            Err(error) => return Err(error.into()),
        }
        let token = vault::random_token().map_err(|error| HouseError::Engine(error.to_string()))?;
        vault.put(&name, &BTreeMap::from([(PART.to_owned(), token.clone())])).await?;
        Ok(token)
    }

    fn caller(&self, account: &Arc<Account>) -> Caller {
        Caller { account: Arc::clone(account), kv: self.store.clone(), received_at: clock::now() }
    }

    /// A plugin from any file, to try it out on what it may not change.
    pub async fn try_plugin(&self, path: &Path) -> Result<Arc<Plugin>, String> {
        registry::rehearse(path, &self.runtime, &self.compiler).await
    }

    /// Makes calls for an account, outside of the daemon.
    pub fn plugin_of(&self, account: &str) -> Option<(Arc<Plugin>, Caller)> {
        let account = self.accounts.get(account)?;
        let plugin = self.plugins.active(&account.manifest.plugin.id)?;
        Some((Arc::clone(plugin), self.caller(account)))
    }

    /// Runs the daemon until `stop` is done. `ready` is told the address.
    pub async fn serve(
        self,
        ready: impl FnOnce(SocketAddr),
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), HouseError> {
        if !self.problems.is_empty() {
            return Err(HouseError::Config(self.problems));
        }
        for waiting in &self.waiting {
            tracing::warn!("{waiting}");
        }
        let _lock = self.lock()?;
        let address = self.config.server.listen;
        let listen = |error| HouseError::Listen { address, error };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let local = listener.local_addr().map_err(listen)?;
        tokio::spawn(prune(Arc::clone(&self.store), self.config.server.keep_events));
        let board = Arc::new(Board::new(&self.config.server.data_dir));
        let settler = Settler::start(Desk {
            store: Arc::clone(&self.store),
            policy: self.config.engine_policy(),
            routing: Routing { routes: self.config.routes.clone(), people: People::default() },
            lanes: self.start_lanes(),
            heartbeats: self.heartbeats(),
            board: Arc::clone(&board),
            sources: self.source_facts(),
        })
        .await?;
        let doors = self.start_pipelines(&settler).await?;
        let ingress = Arc::new(Ingress::new(doors, Arc::clone(&self.store), self.config.server.max_body));
        let api = Arc::new(Api {
            board,
            password: self.config.server.admin_password.clone(),
            logins: LoginDesk::new(self.accounts.clone(), Arc::clone(&self.keeper), Arc::clone(&self.store)),
            artwork: self.artwork(),
            store: Arc::clone(&self.store),
        });
        let service =
            ingress.router().merge(api.router()).into_make_service_with_connect_info::<SocketAddr>();
        ready(local);
        let stopping = Arc::new(Notify::new());
        let stopped = Arc::clone(&stopping);
        let stop = async move {
            stop.await;
            stopped.notify_one();
        };
        let last = async {
            stopping.notified().await;
            tokio::time::sleep(SHUTDOWN).await;
        };
        tokio::select! {
            served = async { axum::serve(listener, service).with_graceful_shutdown(stop).await } => served.map_err(listen),
            // A client that never ends its request does not keep the daemon.
            () = last => Ok(()),
        }
    }

    /// How often trackers want to hear that something still plays.
    fn heartbeats(&self) -> BTreeMap<String, Duration> {
        let wanted = self.config.trackers.keys().filter_map(|name| {
            let facts = self.accounts.get(name)?.manifest.provides.sink.as_ref()?;
            Some((name.clone(), Duration::from_millis(facts.heartbeat_ms?.into())))
        });
        wanted.collect()
    }

    /// What the files for other programs say of each source.
    fn source_facts(&self) -> BTreeMap<String, SourceFacts> {
        let facts = self.config.sources.keys().filter_map(|name| {
            let manifest = &self.accounts.get(name)?.manifest;
            let numeric_ids = manifest.provides.webhook.as_ref().map(|webhook| webhook.numeric_ids.clone());
            let plugin = manifest.plugin.id.clone();
            Some((name.clone(), SourceFacts { plugin, numeric_ids: numeric_ids.unwrap_or_default() }))
        });
        facts.collect()
    }

    /// Keeps other daemons out of the data folder for as long as the file is open.
    fn lock(&self) -> Result<File, HouseError> {
        let data = &self.config.server.data_dir;
        let failed = |error| HouseError::Data { path: data.clone(), error };
        let file = File::create(data.join("lock")).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(fs::TryLockError::WouldBlock) => Err(HouseError::Occupied(data.clone())),
            Err(fs::TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    fn catalogues(&self) -> impl Iterator<Item = (Arc<Plugin>, Caller)> {
        self.config.catalogues.keys().filter_map(|name| self.plugin_of(name))
    }

    /// The first catalogue that finds titles.
    pub fn catalogue(&self) -> Option<Catalogue> {
        self.catalogues().find_map(|(plugin, caller)| Catalogue::new(plugin, caller, Arc::clone(&self.store)))
    }

    /// The same for its pictures.
    fn artwork(&self) -> Option<Artwork> {
        let mut finding = self.catalogues().filter(|(plugin, _)| plugin.manifest.provides.metadata.is_some());
        finding.next().map(|(plugin, caller)| Artwork::new(plugin, caller, &self.config.server.data_dir))
    }

    /// The first catalogue that knows what has aired.
    fn airing(&self) -> Option<(Arc<Plugin>, Caller)> {
        self.catalogues().find(|(plugin, _)| plugin.manifest.provides.airing.is_some())
    }

    fn start_lanes(&self) -> Vec<(String, Arc<Notify>)> {
        let mut lanes = Vec::new();
        let removals = Arc::new(Removals::new(Arc::clone(&self.store), &self.config.server.data_dir));
        for name in self.config.trackers.keys() {
            let Some((plugin, caller)) = self.plugin_of(name) else { continue };
            let arrived = Arc::new(Notify::new());
            lanes.push((name.clone(), Arc::clone(&arrived)));
            let lane = Lane {
                plugin,
                caller,
                store: Arc::clone(&self.store),
                delivery: self.config.delivery.clone(),
                offline_keep: self.config.scrobble.offline_keep,
                arrived,
                removals: Arc::clone(&removals),
                catalogue: self.airing(),
            };
            tokio::spawn(lane.run());
        }
        lanes
    }

    /// A source whose plugin does not serve still has its door: its requests wait in the store.
    async fn start_pipelines(&self, settler: &Settler) -> Result<Vec<Door>, HouseError> {
        let mut doors = Vec::new();
        let traffic = Arrivals::default();
        for name in self.config.sources.keys() {
            let arrivals = traffic.for_another();
            let mut legacy_names = Vec::new();
            if let Some((plugin, caller)) = self.plugin_of(name) {
                legacy_names = plugin.manifest.legacy_webhook_names().to_vec();
                let mut routes = self.config.routes.iter().filter(|route| route.source == *name);
                let needs_place = routes.any(|route| route.filters.need_place());
                let store = Arc::clone(&self.store);
                let (settler, arrivals) = (settler.clone(), arrivals.clone());
                let catalogue = self.catalogue();
                let pipeline =
                    Pipeline::new(plugin, caller, store, settler, arrivals, needs_place, catalogue);
                tokio::spawn(pipeline.run());
            }
            doors.push(Door {
                source: name.clone(),
                legacy_names,
                token: self.webhook_token(name).await?,
                arrivals,
            });
        }
        Ok(doors)
    }
}

/// Forgets old requests, once an hour.
async fn prune(store: SharedStore, keep: Duration) {
    loop {
        let now = clock::now();
        let before = |keep: Duration| {
            let keep = SignedDuration::try_from(keep).unwrap_or(SignedDuration::MAX);
            now.saturating_sub(keep).unwrap_or(jiff::Timestamp::MIN)
        };
        loop {
            match store.prune(before(keep), before(keep.min(REPEATS_KEPT)), now).await {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!("old events cannot be removed: {error}");
                    break;
                }
            }
        }
        tokio::time::sleep(PRUNE_EVERY).await;
    }
}
