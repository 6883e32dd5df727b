//! A Trakt that behaves as its documentation and its users say (`docs.trakt.tv`, `trakt/trakt-api`): required headers,
//! device login, refresh tokens that serve once, thresholds, the 409 window, a history that adds whatever it is told.
//!
//! Known lies:
//! - a start does not count what it replaces, and "watching now" does not end with the runtime;
//! - users are one, VIP in name: limits of lists other than the watchlist are not kept;
//! - titles are searched by TMDb id only.

mod logins;
mod oauth;
mod request_checks;
mod scrobble;
mod sync;
mod world;

use axum::Router;
use axum::routing::{get, post};
pub use logins::Approval;
use serde_json::Value;
pub use world::{CLIENT_ID, CLIENT_SECRET, Play, Watching};
use world::{EPISODE_IDS, MOVIE_IDS, SHOW_IDS, Shared, World};

pub use crate::catalogue::{Entry, episode, movie};
use crate::server::Server;
use crate::service::{Call, Service, service_of};
use crate::{catalogue, service};

/// A running Trakt.
pub struct FakeTrakt {
    shared: Shared,
    /// The HTTP server.
    pub server: Server,
}

service_of!(FakeTrakt);

impl FakeTrakt {
    /// Starts one that knows the titles of [`catalogue`](self::movie).
    pub async fn start() -> Self {
        let known = |entry: Entry| entry.restrict_ids(&MOVIE_IDS, &SHOW_IDS, &EPISODE_IDS);
        let catalogue = catalogue::sample_titles().into_iter().map(known).collect();
        let world = World { catalogue, watchlist_limit: 250, ..World::default() };
        let shared = Service::new(world);
        let router = Router::new()
            .route("/oauth/device/code", post(oauth::code))
            .route("/oauth/device/token", post(oauth::token))
            .route("/oauth/token", post(oauth::refresh))
            .route("/oauth/revoke", post(oauth::revoke))
            .route("/users/settings", get(sync::settings))
            .route("/users/me/watching", get(sync::watching))
            .route("/scrobble/{verb}", post(scrobble::scrobble))
            .route("/sync/history", post(sync::add))
            .route("/sync/history/{kind}", get(sync::history))
            .route("/sync/ratings", post(sync::rate))
            .route("/sync/ratings/remove", post(sync::unrate))
            .route("/sync/history/remove", post(sync::forget))
            .route("/sync/playback/{id}", get(sync::playback).delete(sync::forget_pause))
            .route("/search/tmdb/{id}", get(sync::search))
            .route("/sync/watchlist/{kind}/added/desc", get(sync::listed))
            // Without an order, as older clients ask.
            .route("/sync/watchlist/{kind}", get(sync::listed))
            .route("/sync/watchlist", post(sync::list))
            .route("/sync/watchlist/remove", post(sync::remove_from_watchlist))
            .route("/shows/{id}/last_episode", get(sync::last_episode))
            .layer(axum::middleware::from_fn_with_state(shared.clone(), service::middleware::<World>))
            .with_state(shared.clone());
        let server = Server::of("trakt", router).await;
        shared.set_url(server.url());
        Self { shared, server }
    }

    /// Adds a title to the catalogue.
    pub fn add(&self, entry: Entry) {
        self.shared.world().catalogue.push(entry);
    }

    /// From here on it knows these titles alone.
    pub fn know(&self, entries: Vec<Entry>) {
        self.shared.world().catalogue = entries;
    }

    /// What the next users do at the page that asks for a code.
    pub fn approve_logins(&self, approval: Approval) {
        self.shared.world().logins.approval = approval;
    }

    /// Logs somebody in, as if a code had been entered. Gives the token.
    pub fn log_in(&self) -> String {
        let now = self.clock().now();
        self.shared.world().logins.log_in(now)
    }

    /// All tokens that were ever given out.
    pub fn tokens(&self) -> Vec<String> {
        self.shared.world().logins.given.clone()
    }

    /// Makes the current access token invalid, as when it has expired.
    pub fn expire_access(&self) {
        self.shared.world().logins.access = None;
    }

    /// Makes the current refresh token invalid too.
    pub fn forget_login(&self) {
        let mut world = self.shared.world();
        world.logins.access = None;
        world.logins.refresh = None;
    }

    /// What was received as `VERB /path`, without queries, logins and checks: the story of the scrobbles.
    pub fn story(&self) -> Vec<String> {
        self.shared.request_log(&["/scrobble", "/sync"])
    }

    /// What was told, and of what: `start 0 Inception`, `history Inception`, with the status where it is no success.
    pub fn deliveries(&self) -> Vec<String> {
        let world = self.shared.world();
        let calls = self.shared.calls();
        let told = calls.iter().filter(|call| call.method == "POST");
        told.filter_map(|call| in_words(call, &world.catalogue)).collect()
    }

    /// Writes that came within a second of the one before.
    pub fn too_fast(&self) -> u32 {
        self.shared.world().too_fast
    }

    /// The history.
    pub fn history(&self) -> Vec<Play> {
        self.shared.world().history.clone()
    }

    /// Adds a play that something else entered.
    pub fn add_play(&self, entry: Entry, watched_at: jiff::Timestamp) {
        let mut world = self.shared.world();
        let id = world.new_id();
        world.history.push(Play { id, watched_at, action: "watch", entry });
    }

    /// The resume points.
    pub fn resume_points(&self) -> Vec<(Entry, f64)> {
        self.shared.world().resume.clone()
    }

    /// The ratings, by name: `Inception`, `Breaking Bad`, `Breaking Bad season 1`, `Breaking Bad 1x01`.
    pub fn ratings(&self) -> Vec<(String, u64)> {
        self.shared.world().ratings.clone()
    }

    /// What is being watched.
    pub fn watching(&self) -> Option<Watching> {
        self.shared.world().watching.clone()
    }

    /// The watchlist: titles of movies and shows.
    pub fn watchlist(&self) -> Vec<String> {
        self.shared.world().watchlist.clone()
    }

    /// From here on the watchlist takes so many titles.
    pub fn limit_watchlist(&self, titles: usize) {
        self.shared.world().watchlist_limit = titles;
    }

    /// Puts titles on the watchlist.
    pub fn add_to_watchlist(&self, titles: &[&str]) {
        self.shared.world().watchlist.extend(titles.iter().map(|title| (*title).to_owned()));
    }
}

/// A call that tells something; others are none.
fn in_words(call: &Call, catalogue: &[Entry]) -> Option<String> {
    let name = |named: &Value| {
        catalogue::find(catalogue, named).map_or_else(|| "something unknown".to_owned(), Entry::name)
    };
    let failed =
        if (200..300).contains(&call.status) { String::new() } else { format!(" \u{2192} {}", call.status) };
    let (verb, rest) = call.path.trim_start_matches('/').split_once('/')?;
    match verb {
        "scrobble" => {
            Some(format!("{rest} {:.0} {}{failed}", call.body["progress"].as_f64()?, name(&call.body)))
        }
        "sync" => {
            let items =
                ["movies", "episodes", "shows"].map(|kind| call.body[kind].as_array().map_or(0, Vec::len));
            Some(format!("{rest} {}{failed}", items.iter().sum::<usize>()))
        }
        _ => None,
    }
}
