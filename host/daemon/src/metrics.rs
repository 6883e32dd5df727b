//! Numbers for Prometheus. Labels come from closed sets: names of the configuration, codes, states and plugins; never titles or users.

use std::sync::atomic::AtomicU64;

use playrelay_engine::code::Code;
use playrelay_engine::outbox::DeliveryState;
use playrelay_engine::timeline::Outcome;
use playrelay_store::StoreError;
use playrelay_util::clock;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::{Registry, Unit};

use crate::app::App;
use crate::realtime::registry::ConnectionRegistry;

/// How inputs ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EventLabels {
    source: String,
    outcome: &'static str,
    code: String,
}

/// How attempts to deliver ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DeliveryLabels {
    tracker: String,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TrackerLabels {
    tracker: String,
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SourceLabels {
    source: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PluginLabels {
    plugin: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    plugin: String,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VersionLabels {
    version: &'static str,
}

/// What is counted as it happens. A clone counts the same.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    events: Family<EventLabels, Counter>,
    deliveries: Family<DeliveryLabels, Counter>,
}

impl Metrics {
    /// Counts an input that has ended. Codes of plugins are counted together: there may be any number of them.
    pub fn event(&self, source: &str, outcome: Outcome, code: &Code) {
        let code = match code {
            Code::Other(_) => "other".to_owned(),
            code => code.to_string(),
        };
        let labels = EventLabels { source: source.to_owned(), outcome: outcome.as_str(), code };
        self.events.get_or_create(&labels).inc();
    }

    /// Counts an attempt to deliver: by the state that it led to, or `postponed`.
    pub fn delivery(&self, tracker: &str, result: &'static str) {
        self.deliveries.get_or_create(&DeliveryLabels { tracker: tracker.to_owned(), result }).inc();
    }

    /// All numbers, in the text form of OpenMetrics.
    ///
    /// # Errors
    ///
    /// Fails where the database cannot be read.
    pub async fn text(&self, app: &App, connections: &ConnectionRegistry) -> Result<String, StoreError> {
        let mut registry = Registry::with_prefix("playrelay");
        registry.register("events", "Inputs that have ended", self.events.clone());
        registry.register("deliveries", "Attempts to deliver that have ended", self.deliveries.clone());
        let version = Family::<VersionLabels, Gauge>::default();
        version.get_or_create(&VersionLabels { version: env!("CARGO_PKG_VERSION") }).set(1);
        registry.register("build", "The version of the program", version);
        let waiting = Family::<SourceLabels, Gauge>::default();
        for (source, count) in app.store.pending_by_source().await? {
            waiting.get_or_create(&SourceLabels { source }).set(count.into());
        }
        registry.register("inbox_waiting", "Inputs that wait to be processed", waiting);
        self.outbox(app, &mut registry).await?;
        let connected = Family::<SourceLabels, Gauge>::default();
        for (source, status) in connections.all() {
            connected.get_or_create(&SourceLabels { source }).set(status.report().connected.into());
        }
        registry.register("connected", "Whether there is a connection to the server", connected);
        let size = i64::try_from(app.store.size().await?).unwrap_or(i64::MAX);
        registry.register_with_unit(
            "database",
            "The database and its log",
            Unit::Bytes,
            ConstGauge::new(size),
        );
        Self::plugins(app, &mut registry);
        let mut text = String::new();
        // Writing to a string cannot fail.
        encode(&mut text, &registry).unwrap_or_default();
        Ok(text)
    }

    async fn outbox(&self, app: &App, registry: &mut Registry) -> Result<(), StoreError> {
        let depth = Family::<TrackerLabels, Gauge>::default();
        let oldest = Family::<TrackerLabels, Gauge<f64, AtomicU64>>::default();
        let now = clock::now();
        let labels = |tracker: &str, state: DeliveryState| TrackerLabels {
            tracker: tracker.to_owned(),
            state: state.as_str(),
        };
        for tracker in app.config.trackers.keys() {
            let stats = app.store.outbox_stats(tracker).await?;
            depth.get_or_create(&labels(tracker, DeliveryState::Waiting)).set(stats.waiting.into());
            depth.get_or_create(&labels(tracker, DeliveryState::Dead)).set(stats.dead.into());
            let age = stats.oldest_waiting.map_or(0.0, |at| now.duration_since(at).as_secs_f64().max(0.0));
            oldest.get_or_create(&labels(tracker, DeliveryState::Waiting)).set(age);
        }
        registry.register("outbox", "Deliveries that wait, or are dead", depth);
        registry.register_with_unit(
            "outbox_oldest_age",
            "The age of the oldest delivery that waits; 0 without one",
            Unit::Seconds,
            oldest,
        );
        Ok(())
    }

    fn plugins(app: &App, registry: &mut Registry) {
        let calls = Family::<CallLabels, Counter>::default();
        let seconds = Family::<PluginLabels, Counter<f64, AtomicU64>>::default();
        let memory = Family::<PluginLabels, Gauge>::default();
        for plugin in app.plugins.serving() {
            let stats = plugin.call_stats();
            let id = &plugin.manifest.plugin.id;
            for (result, count) in stats.by_result() {
                calls.get_or_create(&CallLabels { plugin: id.clone(), result }).inc_by(count);
            }
            let labels = PluginLabels { plugin: id.clone() };
            seconds.get_or_create(&labels).inc_by(stats.time().as_secs_f64());
            let peak = i64::try_from(stats.peak_memory()).unwrap_or(i64::MAX);
            memory.get_or_create(&labels).set(peak);
        }
        registry.register("plugin_calls", "Calls of plugins, by their result", calls);
        registry.register_with_unit("plugin_call", "The time of all calls", Unit::Seconds, seconds);
        registry.register_with_unit("plugin_peak_memory", "The most that one call took", Unit::Bytes, memory);
    }
}
