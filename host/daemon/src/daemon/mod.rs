//! The daemon: everything that runs, and how it takes over another configuration without a restart.
//!
//! What a change does not touch goes on. A worker, a pipeline or a connection whose account has changed ends what it has begun,
//! and another one takes its place; what waits is on disk. Sessions live in the committer, which stays.

mod prune;
mod task_set;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use playrelay_engine::routing::Routing;
use playrelay_engine::routing::users::UserAssignments;
use playrelay_plugin_host::http::tls;
use playrelay_store::vault::VaultError;
use playrelay_store::watermarks;
use playrelay_store::watermarks::Watermark;
use playrelay_util::clock;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use crate::app::{AccountSpec, App, AppError};
use crate::auth::pending::PendingLogins;
use crate::config;
use crate::config::Config;
use crate::daemon::task_set::TaskSet;
use crate::delivery::worker::DeliveryWorker;
use crate::exports::now_playing::NowPlaying;
use crate::exports::watchlist_removals::RemovalLog;
use crate::inbox::signal::InboxSignal;
use crate::pipeline::committer::{Committer, EngineContext};
use crate::pipeline::{Pipeline, PipelineOptions};
use crate::realtime::catch_up::{CatchUp, HistoryReader};
use crate::realtime::client::RealtimeClient;
use crate::realtime::connection::RealtimeConnection;
use crate::realtime::registry::ConnectionRegistry;
use crate::web::api::Api;
use crate::web::attempt_limiter::AttemptLimiter;
use crate::web::ingress::{Ingress, WebhookEndpoint};
use crate::web::{api, server};
use crate::webhooks::registration;

/// Between two looks at the configuration.
const CONFIG_POLL: Duration = Duration::from_secs(1);

/// The parts of the configuration that a worker depends on. If one changes, the worker is started anew.
#[derive(PartialEq)]
struct WorkerSpec {
    account: AccountSpec,
    delivery: config::Delivery,
    offline_keep: Duration,
    catalogues: Vec<AccountSpec>,
}

/// The parts of the configuration that a source's pipeline depends on.
#[derive(PartialEq)]
struct PipelineSpec {
    account: AccountSpec,
    needs_place: bool,
    needs_credits: bool,
    catalogues: Vec<AccountSpec>,
}

/// The tasks that run.
struct Daemon {
    app: App,
    committer: Committer,
    ingress: Arc<Ingress>,
    traffic: InboxSignal,
    removals: Arc<RemovalLog>,
    notifiers: BTreeMap<String, Arc<Notify>>,
    inbox_signal: BTreeMap<String, InboxSignal>,
    workers: TaskSet<WorkerSpec>,
    pipelines: TaskSet<PipelineSpec>,
    realtime_connections: TaskSet<AccountSpec>,
    histories: TaskSet<AccountSpec>,
    connections: ConnectionRegistry,
}

impl App {
    /// Runs the daemon until `stop` is done. `ready` is told the address.
    ///
    /// # Errors
    ///
    /// Fails where the configuration has mistakes, another daemon uses the data folder, the address is taken, or the database fails.
    pub async fn serve(
        self,
        ready: impl FnOnce(SocketAddr),
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), AppError> {
        if !self.problems.is_empty() {
            return Err(AppError::Config(self.problems));
        }
        let _lock = self.lock()?;
        let address = self.config.server.listen;
        let listen = |error| AppError::Listen { address, error };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let local = listener.local_addr().map_err(listen)?;
        // What a plugin asks for does not come back here.
        self.wire.own_port.set(local.port());
        let room = server::room();
        if let Some(reason) = tls::without_authorities() {
            tracing::error!("services on the internet cannot be reached: {reason}");
        }
        tokio::spawn(prune::prune(Arc::clone(&self.owner), self.config.server.keep_events));
        let board = Arc::new(NowPlaying::new(&self.config.server.data_dir));
        let committer = Committer::start(self.engine_context(Arc::clone(&board), Vec::new())).await?;
        let ingress = Arc::new(Ingress::new(Arc::clone(&self.store), self.config.server.max_body));
        let connections = ConnectionRegistry::default();
        let api = Arc::new(Api {
            board,
            token: api::token::read_or_make(&self.config.server.data_dir).map_err(|error| {
                AppError::Data { path: api::token::path(&self.config.server.data_dir), error }
            })?,
            password: self.config.server.admin_password.clone(),
            public_url: self.config.server.public_url.clone(),
            logins: PendingLogins::new(
                self.shared.clone(),
                Arc::clone(&self.plugins),
                Arc::clone(&self.credentials),
                Arc::clone(&self.store),
            ),
            artwork: self.artwork(),
            store: Arc::clone(&self.store),
            connections: connections.clone(),
            attempt_limiter: AttemptLimiter::default(),
        });
        let mut daemon = Daemon {
            committer,
            ingress: Arc::clone(&ingress),
            traffic: InboxSignal::default(),
            removals: Arc::new(RemovalLog::new(Arc::clone(&self.owner), &self.config.server.data_dir)),
            notifiers: BTreeMap::new(),
            inbox_signal: BTreeMap::new(),
            workers: TaskSet::default(),
            pipelines: TaskSet::default(),
            realtime_connections: TaskSet::default(),
            histories: TaskSet::default(),
            connections,
            app: self,
        };
        if let Err(error) =
            watermarks::write(&daemon.app.store, watermarks::DAEMON, Watermark::Started, clock::now()).await
        {
            tracing::warn!("the time of the start cannot be stored: {error}");
        }
        daemon.reconcile().await?;
        let app = ingress.router().merge(api::router(api));
        ready(local);
        tokio::select! {
            () = server::serve(listener, app, room, stop) => Ok(()),
            () = daemon.watch_config() => Ok(()),
        }
    }

    /// The options of the committer.
    fn engine_context(&self, board: Arc<NowPlaying>, workers: Vec<(String, Arc<Notify>)>) -> EngineContext {
        EngineContext {
            store: Arc::clone(&self.owner),
            policy: self.config.engine_policy(),
            routing: Routing { routes: self.routes(), people: UserAssignments::default() },
            workers,
            heartbeats: self.heartbeats(),
            board,
            sources: self.source_facts(),
        }
    }

    /// Keeps other daemons out of the data folder for as long as the file is open.
    pub(crate) fn lock(&self) -> Result<File, AppError> {
        let data = &self.config.server.data_dir;
        let failed = |error| AppError::Data { path: data.clone(), error };
        // The folder itself: a file in it could be removed, and another one locked.
        let file = File::open(data).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(fs::TryLockError::WouldBlock) => Err(AppError::Occupied(data.clone())),
            Err(fs::TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

impl Daemon {
    /// Takes over what the configuration becomes, for good.
    async fn watch_config(mut self) {
        let file = self.app.config.file.clone();
        let read = || file.as_ref().and_then(|file| config::text_digest(file));
        let (mut seen, mut last) = (self.app.config.digest.clone(), None);
        let mut logins = self.app.stored_logins();
        // The doors are opened once more: a token may have changed since.
        let mut tokens = None;
        let mut hangup = match signal(SignalKind::hangup()) {
            Ok(hangup) => Some(hangup),
            Err(error) => {
                tracing::warn!("SIGHUP is not listened to: {error}");
                None
            }
        };
        loop {
            let asked = async {
                match &mut hangup {
                    Some(hangup) => hangup.recv().await,
                    None => std::future::pending().await,
                }
            };
            if tokio::time::timeout(CONFIG_POLL, asked).await.is_ok() {
                tracing::info!("SIGHUP: the configuration is read again");
                // It counts as it is now.
                last = read();
                seen = None;
            }
            let found = read();
            // It may be written in parts, or removed before it is replaced: what stays as it is for a look counts.
            let is_edited = found.is_some() && found == last && found != seen;
            last = found.clone();
            // A database that cannot be read now says nothing of what has changed.
            let revisions = (self.app.token_revisions().await, self.app.login_revisions().await);
            let (Ok(token_revisions), Ok(login_revisions)) = revisions else { continue };
            // Tokens of webhooks may be changed by a command beside the daemon.
            if tokens.as_ref() != Some(&token_revisions) {
                match self.webhook_endpoints().await {
                    Ok(endpoints) => {
                        self.ingress.set_endpoints(endpoints);
                        tokens = Some(token_revisions);
                    }
                    Err(error) => tracing::warn!("the tokens of the webhooks cannot be read: {error}"),
                }
            }
            // Looked at once, whatever becomes of it: a mistake is said once.
            let before = std::mem::replace(&mut logins, login_revisions);
            if !is_edited && before == logins {
                continue;
            }
            if is_edited {
                seen = found;
            }
            match self.reload(file.as_deref()).await {
                Ok(()) => logins = self.app.stored_logins(),
                Err(complaint) => {
                    tracing::error!("the changed configuration is not taken over: {complaint}");
                    self.connections.set_config_error(Some(complaint));
                }
            }
        }
    }

    async fn reload(&mut self, file: Option<&Path>) -> Result<(), String> {
        let config = config::load(file).map_err(|problems| crate::app::list(&problems))?;
        if !config.is_there {
            return Err("the configuration file is gone; the last one is still used".to_owned());
        }
        let restart = needs_restart(&self.app.config, &config);
        let app = self.app.with_config(config).await;
        if !app.problems.is_empty() {
            return Err(crate::app::list(&app.problems));
        }
        self.app = app;
        self.app.shared.replace(self.app.accounts.clone());
        self.reconcile().await.map_err(|error| error.to_string())?;
        if restart {
            tracing::warn!("changes in [server] and [plugins] need a restart");
        }
        self.connections.set_config_error(None);
        tracing::info!("the changed configuration is taken over");
        Ok(())
    }

    /// Ends what is not wanted any more, and starts what is new.
    async fn reconcile(&mut self) -> Result<(), AppError> {
        for waiting in &self.app.waiting {
            tracing::warn!("{waiting}");
        }
        for warning in self.app.warnings() {
            tracing::warn!("{warning}");
        }
        for (account, remedy) in self.app.logged_out().await {
            tracing::warn!(account, "nobody is logged in; {remedy}");
        }
        self.reconcile_workers().await;
        let signals = self
            .workers
            .names()
            .filter_map(|name| Some((name.clone(), Arc::clone(self.notifiers.get(name)?))));
        let signals = signals.collect();
        let board = self.committer.board();
        self.committer.reconfigure(self.app.engine_context(board, signals)).await;
        self.reconcile_pipelines().await;
        self.reconcile_connections().await;
        self.reconcile_histories().await;
        let endpoints = self.webhook_endpoints().await?;
        self.ingress.set_endpoints(endpoints);
        Ok(())
    }

    async fn reconcile_workers(&mut self) {
        let mut wanted = BTreeMap::new();
        for name in self.app.config.trackers.keys() {
            if let Some(account) = self.app.facts.get(name).cloned() {
                let key = WorkerSpec {
                    account,
                    delivery: self.app.config.delivery.clone(),
                    offline_keep: self.app.config.scrobble.offline_keep,
                    catalogues: self.app.catalogue_specs(),
                };
                wanted.insert(name.clone(), key);
            }
        }
        self.workers.stop_except(&wanted).await;
        self.workers.start_missing(wanted, |name, key, stop| {
            let (plugin, target) = self.app.plugin(name)?;
            let lane = DeliveryWorker {
                plugin,
                target,
                store: Arc::clone(&self.app.owner),
                delivery: key.delivery.clone(),
                offline_keep: key.offline_keep,
                arrived: Arc::clone(self.notifiers.entry(name.to_owned()).or_default()),
                removals: Arc::clone(&self.removals),
                installation: self.app.installation.clone(),
                catalogue: self.app.airing(),
            };
            Some(lane.run(stop).boxed())
        });
    }

    async fn reconcile_pipelines(&mut self) {
        let mut wanted = BTreeMap::new();
        for name in self.app.config.sources.keys() {
            let Some(account) = self.app.facts.get(name).cloned() else { continue };
            let routes = || self.app.config.routes.iter().filter(|route| route.source == *name);
            let key = PipelineSpec {
                account,
                needs_place: routes().any(|route| route.filters.needs_location()),
                needs_credits: self.app.has_address(name) && routes().any(|route| route.policy.credits),
                catalogues: self.app.catalogue_specs(),
            };
            wanted.insert(name.clone(), key);
        }
        self.pipelines.stop_except(&wanted).await;
        self.pipelines.start_missing(wanted, |name, key, stop| {
            let (plugin, target) = self.app.plugin(name)?;
            let options = PipelineOptions {
                needs_place: key.needs_place,
                needs_credits: key.needs_credits,
                enabled: key.account.source.enabled,
                mode: key.account.source.mode,
            };
            let store = Arc::clone(&self.app.owner);
            let inbox_signal = inbox_signal(&mut self.inbox_signal, &self.traffic, name);
            let (committer, catalogue) = (self.committer.clone(), self.app.catalogue());
            let pipeline = Pipeline::new(plugin, target, store, committer, inbox_signal, options, catalogue);
            Some(pipeline.run(stop).boxed())
        });
    }

    /// The specs of the sources that `is_wanted` accepts.
    fn sources(&self, is_wanted: impl Fn(&str) -> bool) -> BTreeMap<String, AccountSpec> {
        let names = self.app.config.sources.keys().filter(|name| is_wanted(name));
        names.filter_map(|name| Some((name.clone(), self.app.facts.get(name)?.clone()))).collect()
    }

    async fn reconcile_connections(&mut self) {
        let wanted = self.sources(|name| self.app.wants_realtime(name));
        self.realtime_connections.stop_except(&wanted).await;
        self.connections.retain(self.realtime_connections.names());
        self.realtime_connections.start_missing(wanted, |name, _, stop| {
            let (plugin, target) = self.app.plugin(name)?;
            let watcher = RealtimeConnection {
                client: RealtimeClient { plugin, target },
                store: Arc::clone(&self.app.store),
                inbox_signal: inbox_signal(&mut self.inbox_signal, &self.traffic, name),
                status: self.connections.add(name),
            };
            Some(watcher.run(stop).boxed())
        });
    }

    async fn reconcile_histories(&mut self) {
        let wanted = self.sources(|name| self.app.has_history(name));
        self.histories.stop_except(&wanted).await;
        self.histories.start_missing(wanted, |name, key, stop| {
            let (plugin, target) = self.app.plugin(name)?;
            let catch_up = CatchUp {
                history: HistoryReader { plugin, target },
                store: Arc::clone(&self.app.store),
                inbox_signal: inbox_signal(&mut self.inbox_signal, &self.traffic, name),
                limit: key.source.catch_up,
                status: self.connections.of(name),
                enabled: key.source.enabled,
            };
            Some(catch_up.run(stop).boxed())
        });
    }

    /// A source whose plugin does not serve still has its door: its requests wait in the store.
    async fn webhook_endpoints(&mut self) -> Result<Vec<WebhookEndpoint>, AppError> {
        let mut endpoints = Vec::new();
        for name in self.app.config.sources.keys() {
            let tokens = match self.app.webhook_tokens(name).await {
                Ok(tokens) => Some(tokens),
                Err(AppError::Vault(error @ VaultError::WrongKey(_))) => {
                    tracing::error!(
                        source = name,
                        "webhooks are asked to come again: {error}, or `playrelay webhooks rotate {name} --force`"
                    );
                    None
                }
                Err(error) => return Err(error),
            };
            let plugin = self.app.plugin(name).map(|(plugin, _)| plugin);
            let webhook = plugin.as_ref().and_then(|plugin| plugin.manifest.provides.webhook.as_ref());
            endpoints.push(WebhookEndpoint {
                source: name.clone(),
                legacy_names: plugin
                    .as_ref()
                    .map(|it| it.manifest.legacy_webhook_names().to_vec())
                    .unwrap_or_default(),
                instructions: webhook
                    .map(|facts| registration::in_words(facts, "this address"))
                    .unwrap_or_default(),
                tokens,
                inbox_signal: inbox_signal(&mut self.inbox_signal, &self.traffic, name),
            });
        }
        Ok(endpoints)
    }
}

/// The signal that wakes a source's pipeline. It outlives the pipeline.
fn inbox_signal(all: &mut BTreeMap<String, InboxSignal>, traffic: &InboxSignal, source: &str) -> InboxSignal {
    all.entry(source.to_owned()).or_insert_with(|| traffic.for_source()).clone()
}

/// Whether something has changed that a running daemon cannot take over.
fn needs_restart(old: &Config, new: &Config) -> bool {
    old.server != new.server || old.plugin_dir != new.plugin_dir
}
