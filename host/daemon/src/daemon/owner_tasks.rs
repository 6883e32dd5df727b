//! What only the owner of the household does: it processes inputs, delivers events, listens to servers, runs jobs and notifies. The tasks begin
//! when the node becomes the owner, and end when it is no longer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use playrelay_engine::routing::Routing;
use playrelay_engine::routing::users::UserAssignments;
use playrelay_store::watermarks::Watermark;
use playrelay_store::{SharedOwner, watermarks};
use playrelay_util::clock;
use tokio::task::JoinSet;

use crate::app::{AccountSpec, App, AppError, CurrentApp};
use crate::config::{self, PersonConfig};
use crate::daemon::prune;
use crate::daemon::task_set::TaskSet;
use crate::delivery::worker::DeliveryWorker;
use crate::exports::now_playing::NowPlaying;
use crate::exports::watchlist_removals::RemovalLog;
use crate::inbox::ingress_load::IngressLoad;
use crate::inbox::request_inbox::RequestInbox;
use crate::jobs::queue::JobQueue;
use crate::live::LiveBus;
use crate::metrics::Metrics;
use crate::pipeline::committer::{Committer, EngineContext};
use crate::pipeline::{Pipeline, PipelineOptions};
use crate::realtime::catch_up::{CatchUp, HistoryReader};
use crate::realtime::client::RealtimeClient;
use crate::realtime::connection::RealtimeConnection;
use crate::realtime::registry::ConnectionRegistry;
use crate::{jobs, notify};

/// The parts of the configuration that a worker depends on. If one changes, the worker is started anew.
#[derive(PartialEq)]
struct WorkerSpec {
    account: AccountSpec,
    delivery: config::Delivery,
    offline_keep: std::time::Duration,
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

/// What the tasks share with the pages and the API, whoever owns the household.
#[derive(Clone)]
pub(super) struct SharedParts {
    pub(super) board: Arc<NowPlaying>,
    pub(super) connections: ConnectionRegistry,
    pub(super) inbox: Arc<RequestInbox>,
    pub(super) ingress_load: IngressLoad,
    pub(super) live: LiveBus,
    pub(super) metrics: Metrics,
}

/// The tasks of an owner. Those of the background end with it.
pub(super) struct OwnerTasks {
    owner: SharedOwner,
    parts: SharedParts,
    /// The app of the tasks: it stores as the owner.
    current: CurrentApp,
    committer: Committer,
    removals: Arc<RemovalLog>,
    workers: TaskSet<WorkerSpec>,
    pipelines: TaskSet<PipelineSpec>,
    realtime_connections: TaskSet<AccountSpec>,
    histories: TaskSet<AccountSpec>,
    _background: JoinSet<()>,
}

impl OwnerTasks {
    /// Reads how things stand, and begins.
    ///
    /// # Errors
    ///
    /// The database fails, or the lease is lost already.
    pub(super) async fn begin(app: &App, owner: SharedOwner, parts: SharedParts) -> Result<Self, AppError> {
        let app = app.owned_by(&owner);
        app.accounts.values().for_each(|account| account.outbound.restart_pace());
        let context = engine_context(&app, &owner, Vec::new(), &parts);
        let committer = Committer::start(context).await?;
        let written =
            watermarks::write(&app.store, watermarks::DAEMON, Watermark::Started, clock::now()).await;
        if let Err(error) = written {
            tracing::warn!("the time of the start cannot be stored: {error}");
        }
        let current = CurrentApp::new(app.clone());
        let queue = JobQueue::new(Arc::clone(&app.store), parts.live.clone());
        let mut background = JoinSet::new();
        background.spawn(prune::prune(Arc::clone(&owner), app.config.server.keep_events));
        background.spawn(notify::run(current.clone()));
        background.spawn(jobs::runner::run(current.clone(), queue));
        let removals = Arc::new(RemovalLog::new(Arc::clone(&owner), &app.config.server.data_dir));
        let mut owner_tasks = Self {
            owner,
            parts,
            current,
            committer,
            removals,
            workers: TaskSet::default(),
            pipelines: TaskSet::default(),
            realtime_connections: TaskSet::default(),
            histories: TaskSet::default(),
            _background: background,
        };
        owner_tasks.reconcile(&app).await;
        Ok(owner_tasks)
    }

    /// The store of the owner.
    pub(super) fn owner(&self) -> &SharedOwner {
        &self.owner
    }

    /// Ends what is not wanted any more, and starts what is new.
    pub(super) async fn reconcile(&mut self, app: &App) {
        let app = app.owned_by(&self.owner);
        self.current.set(app.clone());
        self.reconcile_workers(&app).await;
        let trackers = self.workers.names().cloned().collect();
        let context = engine_context(&app, &self.owner, trackers, &self.parts);
        self.committer.reconfigure(context).await;
        self.reconcile_pipelines(&app).await;
        self.reconcile_connections(&app).await;
        self.reconcile_histories(&app).await;
    }

    /// Ends all tasks, each when it has ended what it has begun.
    pub(super) async fn end(mut self) {
        tokio::join!(
            self.workers.stop_all(),
            self.pipelines.stop_all(),
            self.realtime_connections.stop_all(),
            self.histories.stop_all()
        );
        self.parts.connections.retain(std::iter::empty());
    }

    async fn reconcile_workers(&mut self, app: &App) {
        let mut wanted = BTreeMap::new();
        for name in app.config.trackers.keys() {
            if let Some(account) = app.facts.get(name).cloned() {
                let key = WorkerSpec {
                    account,
                    delivery: app.config.delivery.clone(),
                    offline_keep: app.config.scrobble.offline_keep,
                    catalogues: app.catalogue_specs(),
                };
                wanted.insert(name.clone(), key);
            }
        }
        self.workers.stop_except(&wanted).await;
        self.workers.start_missing(wanted, |name, key, stop| {
            let (plugin, target) = app.plugin(name)?;
            let worker = DeliveryWorker {
                plugin,
                target,
                store: Arc::clone(&self.owner),
                delivery: key.delivery.clone(),
                offline_keep: key.offline_keep,
                removals: Arc::clone(&self.removals),
                installation: app.installation.clone(),
                catalogue: app.airing(),
                live: self.parts.live.clone(),
                metrics: self.parts.metrics.clone(),
                batches: Mutex::default(),
            };
            Some(worker.run(stop).boxed())
        });
    }

    async fn reconcile_pipelines(&mut self, app: &App) {
        let mut wanted = BTreeMap::new();
        for name in app.config.sources.keys() {
            let Some(account) = app.facts.get(name).cloned() else { continue };
            let routes = || app.config.routes.iter().filter(|route| route.source == *name);
            let key = PipelineSpec {
                account,
                needs_place: routes().any(|route| route.filters.needs_location()),
                needs_credits: app.has_address(name) && routes().any(|route| route.policy.credits),
                catalogues: app.catalogue_specs(),
                people: app.config.people.clone(),
                has_anime: app.config.mappings.anime.is_some(),
            };
            wanted.insert(name.clone(), key);
        }
        self.pipelines.stop_except(&wanted).await;
        self.pipelines.start_missing(wanted, |name, key, stop| {
            let (plugin, target) = app.plugin(name)?;
            let options = PipelineOptions {
                needs_place: key.needs_place,
                needs_credits: key.needs_credits,
                enabled: key.account.source.enabled,
                mode: key.account.source.mode,
                people: key.people.clone(),
            };
            let store = Arc::clone(&self.owner);
            let (committer, titles) = (self.committer.clone(), app.title_lookup());
            let load = self.parts.ingress_load.clone();
            let pipeline = Pipeline::new(plugin, target, store, committer, load, options, titles);
            Some(pipeline.run(stop).boxed())
        });
    }

    async fn reconcile_connections(&mut self, app: &App) {
        let wanted = sources(app, |name| app.wants_realtime(name));
        self.realtime_connections.stop_except(&wanted).await;
        self.parts.connections.retain(self.realtime_connections.names());
        self.realtime_connections.start_missing(wanted, |name, _, stop| {
            let (plugin, target) = app.plugin(name)?;
            let watcher = RealtimeConnection {
                client: RealtimeClient { plugin, target },
                inbox: Arc::clone(&self.parts.inbox),
                status: self.parts.connections.add(name),
            };
            Some(watcher.run(stop).boxed())
        });
    }

    async fn reconcile_histories(&mut self, app: &App) {
        let wanted = sources(app, |name| app.has_history(name));
        self.histories.stop_except(&wanted).await;
        self.histories.start_missing(wanted, |name, key, stop| {
            let (plugin, target) = app.plugin(name)?;
            let catch_up = CatchUp {
                history: HistoryReader { plugin, target },
                store: Arc::clone(&app.store),
                limit: key.source.catch_up,
                status: self.parts.connections.of(name),
                enabled: key.source.enabled,
                live: self.parts.live.clone(),
            };
            Some(catch_up.run(stop).boxed())
        });
    }
}

/// The specs of the sources that `is_wanted` accepts.
fn sources(app: &App, is_wanted: impl Fn(&str) -> bool) -> BTreeMap<String, AccountSpec> {
    let names = app.config.sources.keys().filter(|name| is_wanted(name));
    names.filter_map(|name| Some((name.clone(), app.facts.get(name)?.clone()))).collect()
}

/// The options of the committer.
fn engine_context(
    app: &App,
    owner: &SharedOwner,
    trackers: Vec<String>,
    parts: &SharedParts,
) -> EngineContext {
    EngineContext {
        store: Arc::clone(owner),
        policy: app.config.engine_policy(),
        routing: Routing { routes: app.routes(), people: UserAssignments::default() },
        trackers,
        heartbeats: app.heartbeats(),
        board: Arc::clone(&parts.board),
        sources: app.source_facts(),
        live: parts.live.clone(),
        metrics: parts.metrics.clone(),
        people: app.config.people.values().map(|it| it.person.clone()).collect(),
    }
}
