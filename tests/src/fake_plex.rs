//! A Plex server that answers look-ups, as far as Playrelay asks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};

use crate::faults::Faults;
use crate::server::{Cut, Server};

/// The server's identifier.
pub const SERVER_ID: &str = "4b87b0f5ee15c68369e4257697e658810bbfe062";
/// The token that it takes.
pub const TOKEN: &str = "plex-owner-token-0123456789";

#[derive(Clone, Default)]
struct Shared {
    items: Arc<Mutex<HashMap<String, Value>>>,
    asked: Arc<Mutex<Vec<String>>>,
    faults: Faults,
}

/// A running server.
pub struct FakePlex {
    shared: Shared,
    /// The HTTP server.
    pub server: Server,
}

impl FakePlex {
    /// Starts one with an empty library.
    pub async fn start() -> Self {
        let shared = Shared::default();
        let router = Router::new()
            .route("/library/metadata/{key}", get(metadata))
            .route(
                "/identity",
                get(|| async {
                    axum::Json(json!({ "MediaContainer": { "machineIdentifier": SERVER_ID } }))
                        .into_response()
                }),
            )
            .with_state(shared.clone());
        Self { shared, server: Server::start(router).await }
    }

    /// Puts an item into the library: a `Metadata` object with a `ratingKey`.
    pub fn add(&self, metadata: Value) {
        let key = metadata["ratingKey"].as_str().expect("a ratingKey").to_owned();
        self.shared.items.lock().expect("no test panics here").insert(key, metadata);
    }

    /// The keys that were asked for, in order.
    pub fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().expect("no test panics here").clone()
    }

    /// What goes wrong.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }
}

async fn metadata(
    State(shared): State<Shared>,
    cut: axum::Extension<Cut>,
    Path(key): Path<String>,
    headers: HeaderMap,
) -> Response {
    shared.asked.lock().expect("no test panics here").push(key.clone());
    let fault = shared.faults.take("/library/metadata");
    if let Some(fault) = fault {
        match fault.answer() {
            Some(answer) => return answer,
            None => cut.now().await,
        }
    }
    if headers.get("x-plex-token").and_then(|token| token.to_str().ok()) != Some(TOKEN) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let item = shared.items.lock().expect("no test panics here").get(&key).cloned();
    match item {
        Some(item) => {
            axum::Json(json!({ "MediaContainer": { "size": 1, "Metadata": [item] } })).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
