//! The daemon: everything that runs, and how it takes over another configuration without a restart.
//!
//! What a change does not touch goes on. A lane, a pipeline or a connection whose account has changed ends what it has begun,
//! and another one takes its place; what waits is on disk. Sessions live in the settler, which stays.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::running::Running;
use super::{AccountFacts, House, HouseError, upkeep};
use crate::api::{Api, LoginDesk, Standings};
use crate::arrivals::Arrivals;
use crate::board::Board;
use crate::config::{self, Config};
use crate::delivery::lane::Lane;
use crate::delivery::removals::Removals;
use crate::dispatch::people::People;
use crate::dispatch::routing::Routing;
use crate::ingress::{Door, Ingress};
use crate::pipeline::settle::{Desk, Settler};
use crate::pipeline::{Pipeline, Sieve};
use crate::watch::catch_up::{CatchUp, History};
use crate::watch::standing::Standing;
use crate::watch::watcher::Watcher;

/// How long requests under way may take to end when the daemon stops.
const SHUTDOWN: Duration = Duration::from_secs(10);
/// Between two looks at the configuration.
const LOOK: Duration = Duration::from_secs(1);

/// What a lane is started with.
#[derive(PartialEq)]
struct LaneKey {
    account: AccountFacts,
    delivery: config::Delivery,
    offline_keep: Duration,
    catalogues: Vec<AccountFacts>,
}

/// What a source's pipeline is started with.
#[derive(PartialEq)]
struct SourceKey {
    account: AccountFacts,
    needs_place: bool,
    needs_credits: bool,
    catalogues: Vec<AccountFacts>,
}

/// What a connection tells others.
#[derive(Clone, Default)]
struct Link {
    standing: Standing,
    connected: Arc<Notify>,
}

/// What runs.
struct Daemon {
    house: House,
    settler: Settler,
    ingress: Arc<Ingress>,
    traffic: Arrivals,
    removals: Arc<Removals>,
    bells: BTreeMap<String, Arc<Notify>>,
    arrivals: BTreeMap<String, Arrivals>,
    lanes: BTreeMap<String, Running<LaneKey>>,
    pipelines: BTreeMap<String, Running<SourceKey>>,
    watchers: BTreeMap<String, Running<AccountFacts>>,
    histories: BTreeMap<String, Running<AccountFacts>>,
    links: BTreeMap<String, Link>,
    standings: Standings,
}

impl House {
    /// Runs the daemon until `stop` is done. `ready` is told the address.
    pub async fn serve(
        self,
        ready: impl FnOnce(SocketAddr),
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), HouseError> {
        if !self.problems.is_empty() {
            return Err(HouseError::Config(self.problems));
        }
        let _lock = self.lock()?;
        let address = self.config.server.listen;
        let listen = |error| HouseError::Listen { address, error };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let local = listener.local_addr().map_err(listen)?;
        tokio::spawn(upkeep::prune(Arc::clone(&self.store), self.config.server.keep_events));
        let board = Arc::new(Board::new(&self.config.server.data_dir));
        let settler = Settler::start(self.desk(Arc::clone(&board), Vec::new())).await?;
        let ingress = Arc::new(Ingress::new(Arc::clone(&self.store), self.config.server.max_body));
        let standings = Standings::default();
        let api = Arc::new(Api {
            board,
            password: self.config.server.admin_password.clone(),
            logins: LoginDesk {
                accounts: self.shared.clone(),
                plugins: Arc::clone(&self.plugins),
                keeper: Arc::clone(&self.keeper),
                store: Arc::clone(&self.store),
                under_way: Arc::default(),
            },
            artwork: self.artwork(),
            store: Arc::clone(&self.store),
            standings: standings.clone(),
        });
        let mut daemon = Daemon {
            settler,
            ingress: Arc::clone(&ingress),
            traffic: Arrivals::default(),
            removals: Arc::new(Removals::new(Arc::clone(&self.store), &self.config.server.data_dir)),
            bells: BTreeMap::new(),
            arrivals: BTreeMap::new(),
            lanes: BTreeMap::new(),
            pipelines: BTreeMap::new(),
            watchers: BTreeMap::new(),
            histories: BTreeMap::new(),
            links: BTreeMap::new(),
            standings,
            house: self,
        };
        daemon.arrange().await?;
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
            () = daemon.follow() => Ok(()),
        }
    }

    /// What the settler works with.
    fn desk(&self, board: Arc<Board>, lanes: Vec<(String, Arc<Notify>)>) -> Desk {
        Desk {
            store: Arc::clone(&self.store),
            policy: self.config.engine_policy(),
            routing: Routing { routes: self.config.routes.clone(), people: People::default() },
            lanes,
            heartbeats: self.heartbeats(),
            board,
            sources: self.source_facts(),
        }
    }

    /// Keeps other daemons out of the data folder for as long as the file is open.
    pub(super) fn lock(&self) -> Result<File, HouseError> {
        let data = &self.config.server.data_dir;
        let failed = |error| HouseError::Data { path: data.clone(), error };
        let file = File::create(data.join("lock")).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(fs::TryLockError::WouldBlock) => Err(HouseError::Occupied(data.clone())),
            Err(fs::TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

impl Daemon {
    /// Takes over what the configuration becomes, for good.
    async fn follow(mut self) {
        let file = self.house.config.file.clone();
        let read = || file.as_ref().and_then(|file| fs::read(file).ok());
        let (mut seen, mut stamps) = (read(), self.house.login_stamps().await);
        let mut last = seen.clone();
        loop {
            tokio::time::sleep(LOOK).await;
            let found = read();
            // It may be written in parts, or removed before it is replaced: what stays as it is for a look counts.
            let is_whole = found == last && found.as_ref().is_some_and(|text| !text.is_empty());
            let is_edited = is_whole && found != seen;
            last = found.clone();
            self.follow_tokens().await;
            // Looked at once, whatever becomes of it: a mistake is said once.
            let before = std::mem::replace(&mut stamps, self.house.login_stamps().await);
            if !is_edited && before == stamps {
                continue;
            }
            if is_edited {
                seen = found;
            }
            if let Err(complaint) = self.take_over(file.as_deref()).await {
                tracing::error!("the changed configuration is not taken over: {complaint}");
                self.standings.complain(Some(complaint));
            }
        }
    }

    /// Tokens of webhooks may be changed by a command beside the daemon.
    async fn follow_tokens(&mut self) {
        match self.doors().await {
            Ok(doors) => self.ingress.open_doors(doors),
            Err(error) => tracing::warn!("the tokens of the webhooks cannot be read: {error}"),
        }
    }

    async fn take_over(&mut self, file: Option<&Path>) -> Result<(), String> {
        let config = config::load(file).map_err(|problems| super::list(&problems))?;
        let restart = needs_restart(&self.house.config, &config);
        let house = self.house.furnished(config).await;
        if !house.problems.is_empty() {
            return Err(super::list(&house.problems));
        }
        self.house = house;
        self.house.shared.replace(self.house.accounts.clone());
        self.arrange().await.map_err(|error| error.to_string())?;
        if restart {
            tracing::warn!("what changed in [server] and [plugins] counts from the next start on");
        }
        self.standings.complain(None);
        tracing::info!("the changed configuration is taken over");
        Ok(())
    }

    /// Ends what is not wanted any more, and starts what is new.
    async fn arrange(&mut self) -> Result<(), HouseError> {
        for waiting in &self.house.waiting {
            tracing::warn!("{waiting}");
        }
        self.arrange_lanes().await;
        let bells = self.bells.iter().filter(|(name, _)| self.lanes.contains_key(*name));
        let bells = bells.map(|(name, bell)| (name.clone(), Arc::clone(bell))).collect();
        let board = self.settler.board();
        self.settler.reconfigure(self.house.desk(board, bells)).await;
        self.arrange_pipelines().await;
        self.arrange_watchers().await;
        self.arrange_histories().await;
        let doors = self.doors().await?;
        self.ingress.open_doors(doors);
        Ok(())
    }

    async fn arrange_lanes(&mut self) {
        let mut wanted = BTreeMap::new();
        for name in self.house.config.trackers.keys() {
            if let Some(account) = self.house.facts.get(name).cloned() {
                let key = LaneKey {
                    account,
                    delivery: self.house.config.delivery.clone(),
                    offline_keep: self.house.config.scrobble.offline_keep,
                    catalogues: self.house.catalogue_facts(),
                };
                wanted.insert(name.clone(), key);
            }
        }
        retire_others(&mut self.lanes, &wanted).await;
        for (name, key) in wanted {
            let Some((plugin, caller)) = self.house.plugin_of(&name) else { continue };
            if self.lanes.contains_key(&name) {
                continue;
            }
            let lane = Lane {
                plugin,
                caller,
                store: Arc::clone(&self.house.store),
                delivery: self.house.config.delivery.clone(),
                offline_keep: self.house.config.scrobble.offline_keep,
                arrived: Arc::clone(self.bells.entry(name.clone()).or_default()),
                removals: Arc::clone(&self.removals),
                catalogue: self.house.airing(),
            };
            self.lanes.insert(name, Running::start(key, |stop| lane.run(stop)));
        }
    }

    async fn arrange_pipelines(&mut self) {
        let mut wanted = BTreeMap::new();
        for name in self.house.config.sources.keys() {
            let Some(account) = self.house.facts.get(name).cloned() else { continue };
            let routes = || self.house.config.routes.iter().filter(|route| route.source == *name);
            let key = SourceKey {
                account,
                needs_place: routes().any(|route| route.filters.need_place()),
                needs_credits: self.house.has_address(name) && routes().any(|route| route.policy.credits),
                catalogues: self.house.catalogue_facts(),
            };
            wanted.insert(name.clone(), key);
        }
        retire_others(&mut self.pipelines, &wanted).await;
        for (name, key) in wanted {
            let Some((plugin, caller)) = self.house.plugin_of(&name) else { continue };
            let arrivals = self.arrivals.entry(name.clone()).or_insert_with(|| self.traffic.for_another());
            if self.pipelines.contains_key(&name) {
                continue;
            }
            let sieve = Sieve {
                needs_place: key.needs_place,
                needs_credits: key.needs_credits,
                enabled: key.account.source.enabled,
                mode: key.account.source.mode,
            };
            let store = Arc::clone(&self.house.store);
            let catalogue = self.house.catalogue();
            let settler = self.settler.clone();
            let pipeline = Pipeline::new(plugin, caller, store, settler, arrivals.clone(), sieve, catalogue);
            self.pipelines.insert(name, Running::start(key, |stop| pipeline.run(stop)));
        }
    }

    async fn arrange_watchers(&mut self) {
        let house = &self.house;
        let is_wanted = |name: &&String| house.is_watched(name);
        let wanted: BTreeMap<_, _> = house
            .config
            .sources
            .keys()
            .filter(is_wanted)
            .filter_map(|name| Some((name.clone(), house.facts.get(name)?.clone())))
            .collect();
        retire_others(&mut self.watchers, &wanted).await;
        self.standings.keep(|name| self.watchers.contains_key(name));
        for (name, key) in wanted {
            let (Some((plugin, caller)), Some(arrivals)) =
                (self.house.plugin_of(&name), self.arrivals.get(&name))
            else {
                continue;
            };
            if self.watchers.contains_key(&name) {
                continue;
            }
            let link = Link::default();
            self.standings.add(&name, link.standing.clone());
            self.links.insert(name.clone(), link.clone());
            let watcher = Watcher {
                plugin,
                caller,
                store: Arc::clone(&self.house.store),
                arrivals: arrivals.clone(),
                standing: link.standing,
                connected: link.connected,
            };
            self.watchers.insert(name, Running::start(key, |stop| watcher.run(stop)));
        }
    }

    async fn arrange_histories(&mut self) {
        let house = &self.house;
        let has_history = |name: &&String| {
            let history =
                house.plugin_of(name).map(|(plugin, _)| plugin.manifest.provides.server_history.is_some());
            history == Some(true) && house.has_address(name)
        };
        let wanted: BTreeMap<_, _> = house
            .config
            .sources
            .keys()
            .filter(has_history)
            .filter_map(|name| Some((name.clone(), house.facts.get(name)?.clone())))
            .collect();
        retire_others(&mut self.histories, &wanted).await;
        for (name, key) in wanted {
            let (Some((plugin, caller)), Some(arrivals)) =
                (self.house.plugin_of(&name), self.arrivals.get(&name))
            else {
                continue;
            };
            if self.histories.contains_key(&name) {
                continue;
            }
            let link = self.watchers.contains_key(&name).then(|| self.links.get(&name).cloned()).flatten();
            let catch_up = CatchUp {
                history: History { plugin, caller },
                store: Arc::clone(&self.house.store),
                arrivals: arrivals.clone(),
                limit: key.source.catch_up,
                standing: link.as_ref().map(|link| link.standing.clone()),
                connected: link.map_or_else(Arc::default, |link| link.connected),
                enabled: key.source.enabled,
            };
            self.histories.insert(name, Running::start(key, |stop| catch_up.run(stop)));
        }
    }

    /// A source whose plugin does not serve still has its door: its requests wait in the store.
    async fn doors(&mut self) -> Result<Vec<Door>, HouseError> {
        let mut doors = Vec::new();
        for name in self.house.config.sources.keys() {
            let plugin = self.house.plugin_of(name);
            let legacy_names = plugin.map(|(plugin, _)| plugin.manifest.legacy_webhook_names().to_vec());
            let arrivals = self.arrivals.entry(name.clone()).or_insert_with(|| self.traffic.for_another());
            doors.push(Door {
                source: name.clone(),
                legacy_names: legacy_names.unwrap_or_default(),
                tokens: self.house.webhook_tokens(name).await?,
                arrivals: arrivals.clone(),
            });
        }
        Ok(doors)
    }
}

/// Ends those that are not wanted, or not as they are.
async fn retire_others<Key: PartialEq>(
    running: &mut BTreeMap<String, Running<Key>>,
    wanted: &BTreeMap<String, Key>,
) {
    let gone = running.extract_if(.., |name, task| wanted.get(name) != Some(&task.key));
    let gone: Vec<_> = gone.map(|(_, task)| task.retire()).collect();
    futures_util::future::join_all(gone).await;
}

/// Whether something has changed that a running daemon cannot take over.
fn needs_restart(old: &Config, new: &Config) -> bool {
    old.server != new.server || old.plugin_dir != new.plugin_dir
}
