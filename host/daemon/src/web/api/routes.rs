//! `/api/v1/routes`: which plays go where.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use playrelay_engine::routing::route::Route;
use serde::Serialize;
use utoipa::ToSchema;

use crate::web::api::context::Api;
use crate::web::api::problem::Problems;

/// A route that is switched on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RouteView {
    /// The source.
    #[schema(example = "home")]
    source: String,
    /// The tracker.
    #[schema(example = "bob")]
    tracker: String,
    /// Whose plays it sends: names, `id:…`, `uuid:…`, or `*` for everybody; empty for those who are assigned.
    #[schema(example = json!(["mia"]))]
    users: Vec<String>,
    /// Whether it sends ratings.
    ratings: bool,
    /// Whether a title that was marked as watched by hand counts.
    marks: bool,
    /// Whether a mark that is taken back removes what the tracker has.
    unwatched: bool,
    /// From which percentage on a play is watched.
    #[schema(example = 80.0)]
    watched_at: f64,
    /// The kinds that a watch takes off watchlists: `movie`, `show`.
    watchlist_remove: Vec<&'static str>,
    /// The trackers of these watchlists.
    watchlist_remove_from: Vec<String>,
    /// Whether only some servers, libraries, devices, kinds, paths or editions are sent.
    is_filtered: bool,
}

impl From<&Route> for RouteView {
    fn from(route: &Route) -> Self {
        let kinds = [(route.removal.movies, "movie"), (route.removal.shows, "show")];
        Self {
            source: route.source.clone(),
            tracker: route.tracker.clone(),
            users: route.users.iter().map(ToString::to_string).collect(),
            ratings: route.ratings,
            marks: route.marks,
            unwatched: route.unwatched,
            watched_at: route.policy.watched_threshold,
            watchlist_remove: kinds.into_iter().filter(|(is_on, _)| *is_on).map(|(_, kind)| kind).collect(),
            watchlist_remove_from: route.removal.accounts.clone(),
            is_filtered: route.filters != playrelay_engine::routing::filter::Filters::default(),
        }
    }
}

/// All routes that are switched on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RouteList {
    /// As they stand in the configuration.
    items: Vec<RouteView>,
}

/// The routes that are switched on. They are changed at `/api/v1/settings`.
#[utoipa::path(
    get,
    path = "/api/v1/routes",
    tag = "settings",
    responses((status = 200, body = RouteList), Problems)
)]
pub(crate) async fn list(State(api): State<Arc<Api>>) -> Json<RouteList> {
    Json(RouteList { items: api.app().config.routes.iter().map(RouteView::from).collect() })
}
