//! Starts what the configuration asks for, and ends what it does not: workers, pipelines, connections, histories and doors.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use playrelay_store::vault::VaultError;

use crate::app::{AccountSpec, AppError};
use crate::daemon::{Daemon, PipelineSpec, WorkerSpec};
use crate::delivery::worker::DeliveryWorker;
use crate::pipeline::{Pipeline, PipelineOptions};
use crate::realtime::catch_up::{CatchUp, HistoryReader};
use crate::realtime::client::RealtimeClient;
use crate::realtime::connection::RealtimeConnection;
use crate::web::ingress::WebhookEndpoint;
use crate::webhooks::{private_address, registration};

impl Daemon {
    /// Ends what is not wanted any more, and starts what is new.
    pub(super) async fn reconcile(&mut self) -> Result<(), AppError> {
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
        let trackers = self.workers.names().cloned().collect();
        let board = self.committer.board();
        let context = self.app.engine_context(board, trackers, &self.live, &self.metrics);
        self.committer.reconfigure(context).await;
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
                removals: Arc::clone(&self.removals),
                installation: self.app.installation.clone(),
                catalogue: self.app.airing(),
                live: self.live.clone(),
                metrics: self.metrics.clone(),
                batches: Mutex::default(),
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
                people: self.app.config.people.clone(),
                has_anime: self.app.config.mappings.anime.is_some(),
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
                people: key.people.clone(),
            };
            let store = Arc::clone(&self.app.owner);
            let (committer, titles) = (self.committer.clone(), self.app.title_lookup());
            let load = self.ingress_load.clone();
            let pipeline = Pipeline::new(plugin, target, store, committer, load, options, titles);
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
                limit: key.source.catch_up,
                status: self.connections.of(name),
                enabled: key.source.enabled,
                live: self.live.clone(),
            };
            Some(catch_up.run(stop).boxed())
        });
    }

    /// A source whose plugin does not serve still has its door: its requests wait in the store.
    pub(super) async fn webhook_endpoints(&mut self) -> Result<Vec<WebhookEndpoint>, AppError> {
        let mut endpoints = Vec::new();
        let mut people = Vec::new();
        for person in self.app.config.people.keys() {
            let token = private_address::token(self.app.credentials.vault(), person).await?;
            people.extend(token.map(|token| (person.clone(), token)));
        }
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
            let configured = self.app.config.sources.get(name);
            let manifest = configured.and_then(|source| self.app.plugins.manifest(&source.plugin));
            let webhook = manifest.as_ref().and_then(|manifest| manifest.provides.webhook.as_ref());
            endpoints.push(WebhookEndpoint {
                source: name.clone(),
                legacy_names: manifest
                    .as_ref()
                    .map(|manifest| manifest.legacy_webhook_names().to_vec())
                    .unwrap_or_default(),
                instructions: webhook
                    .map(|facts| registration::in_words(facts, "this address"))
                    .unwrap_or_default(),
                tokens,
                people: people.clone(),
            });
        }
        Ok(endpoints)
    }
}
