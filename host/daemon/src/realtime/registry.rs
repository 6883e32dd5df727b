//! The connections of all sources.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use playrelay_util::lock::lock;

use crate::live::LiveBus;
use crate::realtime::status::ConnectionStatus;

/// The status of each connection, by the source's name. A clone shows the same.
#[derive(Clone)]
pub struct ConnectionRegistry {
    connections: Arc<Mutex<Connections>>,
    live: LiveBus,
}

#[derive(Default)]
struct Connections {
    statuses: BTreeMap<String, ConnectionStatus>,
    /// The errors in a changed configuration; absent if there are none.
    config_error: Option<String>,
}

impl ConnectionRegistry {
    /// No connections yet. Each change of one is published.
    pub fn new(live: LiveBus) -> Self {
        Self { connections: Arc::default(), live }
    }

    fn lock(&self) -> MutexGuard<'_, Connections> {
        lock(&self.connections)
    }

    /// Shows a new connection.
    pub fn add(&self, source: &str) -> ConnectionStatus {
        let status = ConnectionStatus::new(source, self.live.clone());
        self.lock().statuses.insert(source.to_owned(), status.clone());
        status
    }

    /// How the connection of a source stands, where there is one.
    pub fn of(&self, source: &str) -> Option<ConnectionStatus> {
        self.lock().statuses.get(source).cloned()
    }

    /// Shows no others than these.
    pub fn retain<'a>(&self, sources: impl Iterator<Item = &'a String>) {
        let kept: BTreeSet<&String> = sources.collect();
        self.lock().statuses.retain(|source, _| kept.contains(source));
    }

    /// Says what is wrong with a configuration that was changed, or that nothing is.
    pub fn set_config_error(&self, error: Option<String>) {
        self.lock().config_error = error;
    }

    /// The errors in a changed configuration; absent if there are none.
    pub fn config_error(&self) -> Option<String> {
        self.lock().config_error.clone()
    }

    /// All sources that have a connection, by name, with its status.
    pub fn all(&self) -> Vec<(String, ConnectionStatus)> {
        self.lock().statuses.iter().map(|(source, status)| (source.clone(), status.clone())).collect()
    }
}
