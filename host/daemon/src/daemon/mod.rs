//! The daemon: everything that runs, and how it takes over another configuration without a restart.
//!
//! What a change does not touch goes on. A worker, a pipeline or a connection whose account has changed ends what it has begun,
//! and another one takes its place; what waits is on disk. Sessions live in the committer, which stays.

mod background_compiler;
mod config_watch;
mod owner_tasks;
mod plugin_watch;
mod prune;
mod task_set;
mod webhook_endpoints;

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::middleware::{from_fn_with_state, map_response};
use playrelay_engine::now_playing::CurrentlyWatching;
use playrelay_plugin_host::ports::WriteGate;
use playrelay_util::secret::Secret;
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use crate::app::{App, AppError, CurrentApp};
use crate::auth::pending::PendingLogins;
use crate::daemon::background_compiler::BackgroundCompiler;
use crate::daemon::owner_tasks::{OwnerTasks, SharedParts};
use crate::exports::now_playing::NowPlaying;
use crate::inbox::ingress_load::IngressLoad;
use crate::inbox::request_inbox::RequestInbox;
use crate::jobs::queue::JobQueue;
use crate::live::LiveBus;
use crate::metrics::Metrics;
use crate::operations::plugins::write_lock;
use crate::ownership::{Lease, Ownership};
use crate::platform::file_system;
use crate::platform::port_owner::PortOwner;
use crate::realtime::registry::ConnectionRegistry;
use crate::web::access::AccessControl;
use crate::web::access::forwarded::Front;
use crate::web::api::{Api, ApiLimits};
use crate::web::headers::protect;
use crate::web::ingress::Ingress;
use crate::web::{api, pages, server, standby};
use crate::{config, logging, ownership};

/// How long the tasks of the owner may take to end with the program.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a node of several takes webhooks after it was asked to end, and says at `/healthz` that it ends: longer than a balancer looks away.
const SHUTDOWN_NOTICE: Duration = Duration::from_secs(4);

/// Where a daemon listens.
pub struct Ready {
    /// The address.
    pub address: SocketAddr,
    /// The one-time code of the set-up; absent where there are members.
    pub setup_code: Option<Secret>,
}

/// What runs, and how it is configured.
struct Daemon {
    app: App,
    compiler: BackgroundCompiler,
    ingress: Arc<Ingress>,
    parts: SharedParts,
    /// Whether this node owns the household.
    lease: Lease,
    /// The tasks of the owner; absent while another node is it.
    owner_tasks: Option<OwnerTasks>,
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
        let live = LiveBus::default();
        if let Some(log) = logging::log() {
            log.ring.publish_to(live.clone());
        }
        let metrics = Metrics::default();
        let board = Arc::new(NowPlaying::new(&self.config.server.data_dir, live.clone()));
        let connections = ConnectionRegistry::new(live.clone());
        let current = CurrentApp::new(self.clone());
        let queue = JobQueue::new(Arc::clone(&self.store), live.clone());
        let reload = Arc::new(Notify::new());
        let data = &self.config.server.data_dir;
        let token = api::token::read_or_make(data)
            .map_err(|error| AppError::Data { path: api::token::path(data), error })?;
        let access = Arc::new(AccessControl::new(current.clone(), Arc::clone(&self.store), token));
        let is_shared = self.config.store.url.is_some();
        let lease = match &self.config.store.url {
            Some(_) => {
                let node = ownership::node_of_folder(data, local.port())?;
                let lease = Lease::keep(Arc::clone(&self.store), node).await?;
                // It is set once: a program is one node.
                let _ = self.wire.write_gate.set(Arc::clone(&lease.clock) as Arc<dyn WriteGate>);
                lease
            }
            None => Lease::of_only_node(&self.store).await?,
        };
        let ownership = lease.ownership.clone();
        let api = Arc::new(Api {
            app: current.clone(),
            board: Arc::clone(&board),
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
            ownership: ownership.clone(),
        });
        let ingress_load = IngressLoad::default();
        let inbox = Arc::new(match &self.config.store.url {
            Some(_) => RequestInbox::of_server(Arc::clone(&self.store), data)?,
            None => RequestInbox::of_file(Arc::clone(&self.store)),
        });
        tokio::spawn(Arc::clone(&inbox).forward());
        let ingress = Arc::new(Ingress::new(
            Arc::clone(&self.store),
            Arc::clone(&inbox),
            self.config.server.max_body,
            ingress_load.clone(),
            Arc::clone(&access),
        ));
        let front = Front::new(current.clone(), self.config.server.public_url.as_deref());
        let mut daemon = Daemon {
            compiler: BackgroundCompiler::default(),
            ingress: Arc::clone(&ingress),
            parts: SharedParts { board, connections, inbox, ingress_load, live, metrics },
            lease,
            owner_tasks: None,
            current,
            reload,
            app: self,
        };
        daemon.warn().await;
        daemon.follow_ownership().await?;
        daemon.open_endpoints().await?;
        daemon.compiler.start_next(&daemon.app);
        let setup_code = match access.needs_setup().await? {
            true => Some(access.setup_code().begin().map_err(|error| AppError::Engine(error.to_string()))?),
            false => None,
        };
        let routes = Arc::clone(&ingress)
            .router()
            .merge(standby::router(ownership.clone()))
            .merge(
                api::router(Arc::clone(&api))
                    .merge(pages::router(api))
                    .layer(from_fn_with_state(ownership, standby::refuse)),
            )
            .layer(map_response(protect));
        ready(Ready { address: local, setup_code });
        // It stops when the sender is gone, also where this future is dropped.
        let (serving, stops) = oneshot::channel::<()>();
        let server = tokio::spawn(server::serve(listener, routes, front, room, async { drop(stops.await) }));
        tokio::select! {
            () = daemon.watch_config() => {}
            () = stop => {}
        }
        if is_shared {
            // Other nodes take over while this one still takes webhooks, until balancers have noticed that it ends.
            ingress.end();
            tokio::join!(daemon.end(), tokio::time::sleep(SHUTDOWN_NOTICE));
            stop_server(serving, server).await;
        } else {
            stop_server(serving, server).await;
            daemon.end().await;
        }
        audit.write(&store).await;
        Ok(())
    }

    /// Keeps other daemons out of the data folder for as long as the file is open.
    pub(crate) fn lock(&self) -> Result<File, AppError> {
        crate::app::lock_folder(&self.config.server.data_dir)
    }
}

impl Daemon {
    /// Begins the owner's tasks where this node has become the owner, and ends them where it is no longer.
    async fn follow_ownership(&mut self) -> Result<(), AppError> {
        let ownership = self.lease.ownership.borrow_and_update().clone();
        let owner = match ownership {
            Ownership::Owner(owner) => Some(owner),
            Ownership::Standby { .. } => None,
        };
        let is_same = match (&self.owner_tasks, &owner) {
            (Some(owner_tasks), Some(owner)) => Arc::ptr_eq(owner_tasks.owner(), owner),
            (None, None) => true,
            _ => false,
        };
        if is_same {
            return Ok(());
        }
        if let Some(owner_tasks) = self.owner_tasks.take() {
            tracing::warn!("another node has taken over: this one stands by");
            owner_tasks.end().await;
            self.parts.connections.retain(std::iter::empty());
            self.parts.board.set(CurrentlyWatching::default());
        }
        if let Some(owner) = owner {
            self.owner_tasks = Some(OwnerTasks::begin(&self.app, owner, self.parts.clone()).await?);
        }
        Ok(())
    }

    /// Ends the owner's tasks, as far as there is time, and lets the next node begin.
    async fn end(mut self) {
        let Some(owner_tasks) = self.owner_tasks.take() else { return };
        let owner = Arc::clone(owner_tasks.owner());
        if tokio::time::timeout(DRAIN_TIMEOUT, owner_tasks.end()).await.is_err() {
            tracing::info!(
                "a task was cut off in the middle of its work; it begins again with the next start"
            );
            return;
        }
        self.lease.end();
        if let Err(error) = owner.release().await {
            tracing::warn!("the next node has to wait until this one is missed: {error}");
        }
    }

    /// Says what cannot work yet.
    async fn warn(&self) {
        for waiting in &self.app.waiting {
            tracing::warn!("{waiting}");
        }
        for warning in self.app.warnings() {
            tracing::warn!("{warning}");
        }
        for (account, remedy) in self.app.logged_out().await {
            tracing::warn!(account, "nobody is logged in; {remedy}");
        }
    }

    /// Takes webhooks at the addresses that there are now.
    async fn open_endpoints(&self) -> Result<(), AppError> {
        self.ingress.set_endpoints(self.webhook_endpoints().await?);
        Ok(())
    }
}

/// Takes no connection any more, and ends the requests under way.
async fn stop_server(serving: oneshot::Sender<()>, server: JoinHandle<()>) {
    drop(serving);
    if let Err(error) = server.await {
        tracing::error!("the server ended unexpectedly: {error}");
    }
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
