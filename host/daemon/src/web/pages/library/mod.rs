//! The library: what a person watched, rated and wants to watch.
//!
//! - `titles`: films and shows; `title`: one of them, with all its plays and ratings
//! - `watchlist`, `statistics`: what their names say
//! - `import`: a history of another program
//! - `jobs`, `job`: work that takes longer than a request
//! - `match_row`: what an unclear row of an import is
//! - `remove_play`: taking a play back
//! - `frame`: whose library it is, and what is around each of these pages
//! - `plot`: bars that a server draws

mod frame;
mod import;
pub(super) mod job;
pub(super) mod jobs;
mod match_row;
mod plot;
mod remove_play;
mod statistics;
mod title;
mod titles;
mod watchlist;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::web::api::Api;

/// The routes of these pages.
pub(super) fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/library", get(titles::films))
        .route("/library/shows", get(titles::shows))
        .route("/library/titles/{id}", get(title::show))
        .route("/library/plays/{id}/remove", get(remove_play::confirm).post(remove_play::remove))
        .route("/library/watchlist", get(watchlist::show).post(watchlist::change))
        .route("/library/statistics", get(statistics::show))
        .route("/library/statistics.csv", get(statistics::table))
        .route("/library/genres", post(statistics::ask_genres))
        .route("/library/import", get(import::show).post(import::upload))
        .route("/library/jobs", get(jobs::show))
        .route("/library/jobs/{id}", get(job::show))
        .route("/library/jobs/{id}/rows/{number}", get(match_row::show).post(match_row::change))
        .route("/library/jobs/{id}/tell", post(job::tell))
        .route("/library/jobs/{id}/{command}", post(job::command))
}
