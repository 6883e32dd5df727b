//! The watchlist of plex.tv, as python-plexapi and Plex's own clients use it: titles are matched by the ids of others, and put on
//! the list and taken off by a key of Plex's own.

use std::collections::HashMap;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::catalogue::{self, Entry};
use crate::server::Server;
use crate::service::{self, Gate, Service, header, service_of};

/// The token of the account.
pub const TOKEN: &str = "plex-account-token-0123456789";

struct World {
    catalogue: Vec<Entry>,
    watchlist: Vec<String>,
}

/// A running plex.tv.
pub struct FakePlexTv {
    shared: Service<World>,
    /// The HTTP server.
    pub server: Server,
}

service_of!(FakePlexTv);

impl FakePlexTv {
    /// Starts one with some titles on the watchlist.
    pub async fn start(watchlist: &[&str]) -> Self {
        let watchlist = watchlist.iter().map(|title| (*title).to_owned()).collect();
        let shared = Service::new(World { catalogue: catalogue::seed(), watchlist });
        let router = Router::new()
            .route("/library/metadata/matches", get(matches))
            .route("/library/metadata/{key}/userState", get(state))
            .route("/actions/{action}", put(act))
            .layer(axum::middleware::from_fn_with_state(shared.clone(), service::gate::<World>))
            .with_state(shared.clone());
        let server = Server::start(router).await;
        Self { shared, server }
    }

    /// The watchlist.
    pub fn watchlist(&self) -> Vec<String> {
        self.shared.world().watchlist.clone()
    }
}

impl Gate for World {
    fn refuse(&mut self, request: &Parts, _now: Timestamp) -> Option<Response> {
        if header(request, "x-plex-client-identifier").is_empty() {
            return Some(StatusCode::BAD_REQUEST.into_response());
        }
        (header(request, "x-plex-token") != TOKEN).then(|| StatusCode::UNAUTHORIZED.into_response())
    }
}

/// A key as Plex's are: 24 hexadecimal digits.
fn key(title: &str) -> String {
    let sum = title.bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    format!("5d7768{sum:018x}")[..24].to_owned()
}

async fn matches(
    State(shared): State<Service<World>>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let world = shared.world();
    let is_movie = query.get("type").is_some_and(|kind| kind == "1");
    let (namespace, id) = query.get("guid").and_then(|guid| guid.split_once("://")).unwrap_or_default();
    let is_it = |entry: &&Entry| {
        entry.is_movie() == is_movie
            && entry.title_ids().get(namespace).is_some_and(|it| catalogue::is_id(it, id))
    };
    let rows: Vec<Value> = world
        .catalogue
        .iter()
        .find(is_it)
        .map(|entry| {
            let (kind, key) = (if is_movie { "movie" } else { "show" }, key(entry.title()));
            json!({ "ratingKey": key, "guid": format!("plex://{kind}/{key}"), "type": kind, "title": entry.title() })
        })
        .into_iter()
        .collect();
    Json(json!({ "MediaContainer": { "size": rows.len(), "Metadata": rows } })).into_response()
}

async fn state(State(shared): State<Service<World>>, Path(wanted): Path<String>) -> Response {
    let world = shared.world();
    let mut state = json!({ "ratingKey": wanted, "viewCount": 0 });
    if world.watchlist.iter().any(|title| key(title) == wanted) {
        state["watchlistedAt"] = json!(1_790_000_000);
    }
    Json(json!({ "MediaContainer": { "UserState": state } })).into_response()
}

async fn act(
    State(shared): State<Service<World>>,
    Path(action): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let mut world = shared.world();
    let wanted = query.get("ratingKey").cloned().unwrap_or_default();
    if action == "removeFromWatchlist" {
        let before = world.watchlist.len();
        world.watchlist.retain(|title| key(title) != wanted);
        if world.watchlist.len() == before {
            return StatusCode::NOT_FOUND.into_response();
        }
        return StatusCode::OK.into_response();
    }
    let Some(title) =
        world.catalogue.iter().map(|entry| entry.title().to_owned()).find(|title| key(title) == wanted)
    else {
        return StatusCode::NOT_FOUND.into_response();
    };
    world.watchlist.push(title);
    StatusCode::OK.into_response()
}
