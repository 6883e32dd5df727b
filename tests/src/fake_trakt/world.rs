//! What Trakt keeps.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::catalogue::Entry;
use crate::fake_trakt::logins::Logins;
use crate::service::Service;

/// The ids of movies that Trakt knows.
pub(super) const MOVIE_IDS: [&str; 4] = ["trakt", "slug", "imdb", "tmdb"];

/// Those of shows.
pub(super) const SHOW_IDS: [&str; 5] = ["trakt", "slug", "imdb", "tmdb", "tvdb"];

/// Those of episodes.
pub(super) const EPISODE_IDS: [&str; 4] = ["trakt", "tvdb", "imdb", "tmdb"];

/// The app's client id.
pub const CLIENT_ID: &str = "client-id-0123456789abcdef";

/// The app's client secret.
pub const CLIENT_SECRET: &str = "client-secret-fedcba9876543210";

/// A play in the history.
#[derive(Clone, Debug)]
pub struct Play {
    /// The history's id.
    pub id: u64,
    /// When it was watched.
    pub watched_at: Timestamp,
    /// `scrobble` or `watch`.
    pub action: &'static str,
    /// Of what.
    pub entry: Entry,
}

/// What is being watched.
#[derive(Clone, Debug)]
pub struct Watching {
    /// What.
    pub entry: Entry,
    /// Since when.
    pub since: Timestamp,
}

#[derive(Default)]
pub(super) struct World {
    pub(super) catalogue: Vec<Entry>,
    pub(super) logins: Logins,
    pub(super) history: Vec<Play>,
    /// Resume points with their percentages.
    pub(super) resume: Vec<(Entry, f64)>,
    /// The ids by which the resume points were given out, the newest last.
    pub(super) resume_ids: Vec<(u64, Entry)>,
    /// By name: movies, shows, `TITLE season N`, episodes.
    pub(super) ratings: Vec<(String, u64)>,
    pub(super) watching: Option<Watching>,
    pub(super) watchlist: Vec<String>,
    /// Titles that the account may have on its watchlist.
    pub(super) watchlist_limit: usize,
    pub(super) last_write: Option<Timestamp>,
    pub(super) too_fast: u32,
    pub(super) next_id: u64,
}

impl World {
    /// Ids beyond 32 bits, as Trakt's are.
    pub(super) fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        3_373_536_000 + self.next_id
    }
}

pub(super) type Shared = Service<World>;

pub(super) fn ids(entry: &Entry) -> Value {
    match entry {
        Entry::Movie { ids, title, year } => {
            json!({ "type": "movie", "movie": { "title": title, "year": year, "ids": ids } })
        }
        Entry::Episode { show, show_year, show_ids, season, number, ids, .. } => json!({
            "type": "episode",
            "episode": { "season": season, "number": number, "title": format!("Episode {number}"), "ids": ids },
            "show": { "title": show, "year": show_year, "ids": show_ids },
        }),
    }
}
