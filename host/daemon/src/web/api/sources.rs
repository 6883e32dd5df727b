//! `/api/v1/sources`: how the connections to the servers stand.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::realtime::status::ConnectionStatus;
use crate::web::api::Api;

/// How they stand, by the names of the sources. Clones are the same.
#[derive(Clone, Default)]
pub struct ConnectionRegistry(Arc<Mutex<SourceView>>);

#[derive(Default)]
struct SourceView {
    watched: BTreeMap<String, ConnectionStatus>,
    complaint: Option<String>,
}

impl ConnectionRegistry {
    fn lock(&self) -> MutexGuard<'_, SourceView> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows a new connection.
    pub fn add(&self, source: &str) -> ConnectionStatus {
        let status = ConnectionStatus::default();
        self.lock().watched.insert(source.to_owned(), status.clone());
        status
    }

    /// How the connection of a source stands, where there is one.
    pub fn of(&self, source: &str) -> Option<ConnectionStatus> {
        self.lock().watched.get(source).cloned()
    }

    /// Shows no others than these.
    pub fn retain<'a>(&self, sources: impl Iterator<Item = &'a String>) {
        let kept: BTreeSet<&String> = sources.collect();
        self.lock().watched.retain(|source, _| kept.contains(source));
    }

    /// Says what is wrong with a configuration that was changed, or that nothing is.
    pub fn set_config_error(&self, complaint: Option<String>) {
        self.lock().complaint = complaint;
    }
}

/// All of them.
pub(crate) async fn list(State(api): State<Arc<Api>>) -> Json<Value> {
    let shown = api.connections.lock();
    let sources: Vec<Value> = shown
        .watched
        .iter()
        .map(|(source, status)| {
            let mut row = json!(status.report());
            row["source"] = json!(source);
            row
        })
        .collect();
    Json(json!({ "sources": sources, "configuration": shown.complaint }))
}
