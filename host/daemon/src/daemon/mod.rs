//! The daemon: everything that runs, and how it takes over another configuration without a restart.
//!
//! What a change does not touch goes on. A worker, a pipeline or a connection whose account has changed ends what it has begun,
//! and another one takes its place; what waits is on disk. Sessions live in the committer, which stays.

mod background_compiler;
mod plugin_watch;
mod prune;
mod reconcile;
mod task_set;

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::middleware::map_response;
use playrelay_engine::routing::Routing;
use playrelay_engine::routing::users::UserAssignments;
use playrelay_store::watermarks;
use playrelay_store::watermarks::Watermark;
use playrelay_util::clock;
use playrelay_util::secret::Secret;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use crate::app::{AccountSpec, App, AppError, CurrentApp};
use crate::auth::pending::PendingLogins;
use crate::config::{Config, PersonConfig};
use crate::daemon::background_compiler::BackgroundCompiler;
use crate::daemon::plugin_watch::PluginWatch;
use crate::daemon::task_set::TaskSet;
use crate::exports::now_playing::NowPlaying;
use crate::exports::watchlist_removals::RemovalLog;
use crate::inbox::ingress_load::IngressLoad;
use crate::jobs::queue::JobQueue;
use crate::live::LiveBus;
use crate::metrics::Metrics;
use crate::operations::plugins::write_lock;
use crate::pipeline::committer::{Committer, EngineContext};
use crate::platform::file_system;
use crate::platform::port_owner::PortOwner;
use crate::realtime::registry::ConnectionRegistry;
use crate::web::access::AccessControl;
use crate::web::access::forwarded::Front;
use crate::web::api::{Api, ApiLimits};
use crate::web::headers::protect;
use crate::web::ingress::Ingress;
use crate::web::{api, pages, server};
use crate::{config, jobs, logging, notify};

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
    people: BTreeMap<String, PersonConfig>,
    has_anime: bool,
}

/// Where a daemon listens.
pub struct Ready {
    /// The address.
    pub address: SocketAddr,
    /// The one-time code of the set-up; absent where there are members.
    pub setup_code: Option<Secret>,
}

/// The tasks that run.
struct Daemon {
    app: App,
    compiler: BackgroundCompiler,
    committer: Committer,
    ingress: Arc<Ingress>,
    ingress_load: IngressLoad,
    removals: Arc<RemovalLog>,
    workers: TaskSet<WorkerSpec>,
    pipelines: TaskSet<PipelineSpec>,
    realtime_connections: TaskSet<AccountSpec>,
    histories: TaskSet<AccountSpec>,
    connections: ConnectionRegistry,
    live: LiveBus,
    metrics: Metrics,
    /// The app for whoever asks, as it is configured now.
    current: CurrentApp,
    /// Asks for another look at the configuration.
    reload: Arc<Notify>,
}

impl App {
    /// Runs the daemon until `stop` is done. `ready` is told where it listens.
    ///
    /// # Errors
    ///
    /// Fails where the configuration has mistakes, another daemon uses the data folder, the address is taken, or the database fails.
    pub async fn serve(
        self,
        ready: impl FnOnce(Ready),
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), AppError> {
        if !self.problems.is_empty() {
            return Err(AppError::Config(self.problems));
        }
        let _lock = self.lock()?;
        let address = self.config.server.listen;
        let listener = listen(&self.config.server).await?;
        let local = listener.local_addr().map_err(|error| AppError::Listen { address, error })?;
        // What a plugin asks for does not come back here.
        self.wire.own_port.set(local.port());
        let room = server::room();
        if let Some((text, remedy)) = file_system::complaint(&self.config.server.data_dir) {
            tracing::warn!("{text}; {remedy}");
        }
        if let Some(reason) = self.wire.without_system_roots() {
            tracing::warn!(
                "the system has no certificates of authorities ({reason}): those that are built into the program count; install the \
                 package ca-certificates, which is renewed more often"
            );
        }
        let (audit, store) = (self.audit.clone(), Arc::clone(&self.store));
        tokio::spawn(audit.clone().write_often(Arc::clone(&store)));
        write_lock(&self).await;
        tokio::spawn(prune::prune(Arc::clone(&self.owner), self.config.server.keep_events));
        let live = LiveBus::default();
        if let Some(log) = logging::log() {
            log.ring.publish_to(live.clone());
        }
        let metrics = Metrics::default();
        let board = Arc::new(NowPlaying::new(&self.config.server.data_dir, live.clone()));
        let context = self.engine_context(Arc::clone(&board), Vec::new(), &live, &metrics);
        let committer = Committer::start(context).await?;
        let connections = ConnectionRegistry::new(live.clone());
        let current = CurrentApp::new(self.clone());
        tokio::spawn(notify::run(current.clone()));
        let queue = JobQueue::new(Arc::clone(&self.store), live.clone());
        tokio::spawn(jobs::runner::run(current.clone(), queue.clone()));
        let reload = Arc::new(Notify::new());
        let data = &self.config.server.data_dir;
        let token = api::token::read_or_make(data)
            .map_err(|error| AppError::Data { path: api::token::path(data), error })?;
        let access = Arc::new(AccessControl::new(current.clone(), Arc::clone(&self.store), token));
        let api = Arc::new(Api {
            app: current.clone(),
            board,
            logins: PendingLogins::new(
                self.shared.clone(),
                self.current_plugins.clone(),
                Arc::clone(&self.credentials),
                Arc::clone(&self.store),
            ),
            connections: connections.clone(),
            access: Arc::clone(&access),
            live: live.clone(),
            metrics: metrics.clone(),
            jobs: queue,
            limits: ApiLimits::default(),
            reload: Arc::clone(&reload),
        });
        let ingress_load = IngressLoad::default();
        let ingress = Arc::new(Ingress::new(
            Arc::clone(&self.store),
            self.config.server.max_body,
            ingress_load.clone(),
            Arc::clone(&access),
        ));
        let front = Front::new(current.clone(), self.config.server.public_url.as_deref());
        let mut daemon = Daemon {
            compiler: BackgroundCompiler::default(),
            committer,
            ingress: Arc::clone(&ingress),
            ingress_load,
            removals: Arc::new(RemovalLog::new(Arc::clone(&self.owner), &self.config.server.data_dir)),
            workers: TaskSet::default(),
            pipelines: TaskSet::default(),
            realtime_connections: TaskSet::default(),
            histories: TaskSet::default(),
            connections,
            live,
            metrics,
            current,
            reload,
            app: self,
        };
        if let Err(error) =
            watermarks::write(&daemon.app.store, watermarks::DAEMON, Watermark::Started, clock::now()).await
        {
            tracing::warn!("the time of the start cannot be stored: {error}");
        }
        daemon.reconcile().await?;
        daemon.compiler.start_next(&daemon.app);
        let setup_code = match access.needs_setup().await? {
            true => Some(access.setup_code().begin().map_err(|error| AppError::Engine(error.to_string()))?),
            false => None,
        };
        let routes = ingress
            .router()
            .merge(api::router(Arc::clone(&api)))
            .merge(pages::router(api))
            .layer(map_response(protect));
        ready(Ready { address: local, setup_code });
        tokio::select! {
            () = server::serve(listener, routes, front, room, stop) => {}
            () = daemon.watch_config() => {}
        }
        audit.write(&store).await;
        Ok(())
    }

    /// The options of the committer.
    fn engine_context(
        &self,
        board: Arc<NowPlaying>,
        trackers: Vec<String>,
        live: &LiveBus,
        metrics: &Metrics,
    ) -> EngineContext {
        EngineContext {
            store: Arc::clone(&self.owner),
            policy: self.config.engine_policy(),
            routing: Routing { routes: self.routes(), people: UserAssignments::default() },
            trackers,
            heartbeats: self.heartbeats(),
            board,
            sources: self.source_facts(),
            live: live.clone(),
            metrics: metrics.clone(),
            people: self.config.people.values().map(|it| it.person.clone()).collect(),
        }
    }

    /// Keeps other daemons out of the data folder for as long as the file is open.
    pub(crate) fn lock(&self) -> Result<File, AppError> {
        crate::app::lock_folder(&self.config.server.data_dir)
    }
}

impl Daemon {
    /// Takes over what the configuration becomes, for good.
    async fn watch_config(mut self) {
        let file = self.app.config.file.clone();
        let read = || file.as_ref().and_then(|file| config::text_digest(file));
        let (mut seen, mut last) = (self.app.config.digest.clone(), None);
        let mut logins = self.app.stored_logins();
        let mut plugins = PluginWatch::default();
        // The doors are opened once more: a token may have changed since.
        let mut tokens = None;
        let mut changes = self.app.store.changes();
        let mut are_revisions_old = true;
        let mut hangup = match signal(SignalKind::hangup()) {
            Ok(hangup) => Some(hangup),
            Err(error) => {
                tracing::warn!("SIGHUP is not listened to: {error}");
                None
            }
        };
        loop {
            let signalled = async {
                match &mut hangup {
                    Some(hangup) => hangup.recv().await.map(drop).unwrap_or_default(),
                    None => std::future::pending().await,
                }
            };
            let asked = async {
                tokio::select! {
                    () = signalled => Some("SIGHUP"),
                    () = self.reload.notified() => Some("a setting was changed"),
                    () = self.compiler.ended() => None,
                }
            };
            match tokio::time::timeout(CONFIG_POLL, asked).await {
                Ok(Some(why)) => {
                    tracing::info!("{why}: the configuration is read again");
                    // It counts as it is now.
                    last = read();
                    seen = None;
                }
                Ok(None) => {
                    self.take_over_plugins().await;
                    continue;
                }
                Err(_) => {}
            }
            let found = read();
            // It may be written in parts, or removed before it is replaced: what stays as it is for a look counts.
            let is_edited = found.is_some() && found == last && found != seen;
            last = found.clone();
            self.look_at_plugins(&mut plugins).await;
            are_revisions_old |= changes.has_changed().unwrap_or(true);
            changes.mark_unchanged();
            let mut before = logins.clone();
            if are_revisions_old {
                // A database that cannot be read now says nothing of what has changed.
                let revisions = (self.app.token_revisions().await, self.app.login_revisions().await);
                let (Ok(token_revisions), Ok(login_revisions)) = revisions else { continue };
                are_revisions_old = false;
                // Tokens of webhooks may be changed by a command beside the daemon.
                if tokens.as_ref() != Some(&token_revisions) {
                    match self.webhook_endpoints().await {
                        Ok(endpoints) => {
                            self.ingress.set_endpoints(endpoints);
                            tokens = Some(token_revisions);
                        }
                        Err(error) => {
                            tracing::warn!("the tokens of the webhooks cannot be read: {error}");
                            are_revisions_old = true;
                        }
                    }
                }
                // Looked at once, whatever becomes of it: a mistake is said once.
                before = std::mem::replace(&mut logins, login_revisions);
            }
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

    /// Takes over what has become of the plugins.
    async fn look_at_plugins(&mut self, watch: &mut PluginWatch) {
        match watch.has_changed(&self.app).await {
            Ok(false) => self.compiler.start_next(&self.app),
            Ok(true) => self.take_over_plugins().await,
            // The next look may be luckier.
            Err(error) => tracing::debug!("the approvals of plugins cannot be read: {error}"),
        }
    }

    /// Takes over the plugins as they are now, and starts to compile the next one that waits for it.
    async fn take_over_plugins(&mut self) {
        if let Err(complaint) = self.reload_plugins().await {
            tracing::error!("the changed plugins are not taken over: {complaint}");
            self.connections.set_config_error(Some(complaint));
        }
        self.compiler.start_next(&self.app);
    }

    /// Reads the plugins anew. Tasks whose plugin has other bytes end what they have begun, and others take their place.
    async fn reload_plugins(&mut self) -> Result<(), String> {
        let app = self.app.with_plugins_of_now().await.map_err(|error| error.to_string())?;
        if !app.problems.is_empty() {
            return Err(crate::app::list(&app.problems));
        }
        let has_changed = app.plugins.entries() != self.app.plugins.entries();
        write_lock(&app).await;
        if !has_changed {
            self.app = app;
            self.current.set(self.app.clone());
            return Ok(());
        }
        app.current_plugins.set(Arc::clone(&app.plugins));
        self.take_over(app).await?;
        tracing::info!("the changed plugins are taken over");
        Ok(())
    }

    /// Goes on as another app says.
    async fn take_over(&mut self, app: App) -> Result<(), String> {
        self.app = app;
        self.current.set(self.app.clone());
        self.app.shared.replace(self.app.accounts.clone());
        self.reconcile().await.map_err(|error| error.to_string())?;
        self.connections.set_config_error(None);
        Ok(())
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
        self.take_over(app).await?;
        if restart {
            tracing::warn!("changes in [server], [store] and [plugins] need a restart");
        }
        tracing::info!("the changed configuration is taken over");
        Ok(())
    }
}

/// Whether something has changed that a running daemon cannot take over.
fn needs_restart(old: &Config, new: &Config) -> bool {
    old.server != new.server || old.store != new.store || old.plugin_dir != new.plugin_dir
}

/// Takes the address and port on which the daemon listens.
async fn listen(server: &config::Server) -> Result<TcpListener, AppError> {
    let address = server.listen;
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let local = server.local_address(address.port());
            let owner = tokio::task::spawn_blocking(move || PortOwner::find(local)).await;
            Err(AppError::PortTaken { address, owner: owner.unwrap_or_default() })
        }
        Err(error) => Err(AppError::Listen { address, error }),
    }
}
