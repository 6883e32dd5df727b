//! What people keep: titles, whose plays are whose, watchlists.

use async_trait::async_trait;
use jiff::Timestamp;
use playrelay_engine::event::TrackerEvent;
use playrelay_engine::library::import::KnownHistory;
use playrelay_engine::library::person::SeenViewer;
use playrelay_engine::library::statistics::Watch;
use playrelay_engine::library::title::KnownTitle;
use playrelay_engine::model::Item;
use playrelay_engine::play::{Play, Viewer};
use playrelay_engine::transition::Rating;

use crate::StoreError;

/// How titles are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TitleOrder {
    /// Those that were watched last first.
    #[default]
    LastWatched,
    /// By name.
    Name,
    /// Those that were watched most often first.
    Plays,
    /// The newest first.
    Year,
}

/// Which titles of a library are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TitleFilter {
    /// Films; shows otherwise.
    pub are_movies: bool,
    /// Those with this in their name, in any case.
    pub name: Option<String>,
    /// Those of this year.
    pub year: Option<u16>,
    /// Only those that no service could find: they have no id.
    pub without_ids: bool,
    /// Their order.
    pub order: TitleOrder,
    /// So many are left out.
    pub offset: u32,
    /// At most so many.
    pub limit: u32,
}

/// A title in a person's library.
#[derive(Clone, Debug, PartialEq)]
pub struct LibraryTitle {
    /// The film or the show.
    pub title: KnownTitle,
    /// How often it, or something of it, was watched.
    pub plays: u32,
    /// When last, UTC.
    pub last_at: Timestamp,
    /// The person's rating of the whole, from 0 to 10; absent where it was not rated.
    pub rating: Option<f64>,
}

/// Titles of a library, and how many there are in all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LibraryPage {
    /// The titles of this page.
    pub titles: Vec<LibraryTitle>,
    /// All titles that fit.
    pub total: u32,
}

/// A play, and the job that read it from somewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptPlay {
    /// The play.
    pub play: Play,
    /// The job; absent for what was seen as it was played.
    pub job: Option<i64>,
}

/// A title on a watchlist.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedTitle {
    /// The film or the show.
    pub title: KnownTitle,
    /// Since when, UTC.
    pub added_at: Timestamp,
    /// The account that it came from.
    pub origin: String,
    /// Whether the person has watched it, or something of it.
    pub is_watched: bool,
}

/// What people keep.
#[async_trait]
pub trait LibraryStore: Send + Sync {
    /// Everybody who has a play or a rating.
    async fn viewers(&self) -> Result<Vec<SeenViewer>, StoreError>;

    /// The titles that share a key with an item.
    async fn titles_like(&self, item: &Item) -> Result<Vec<KnownTitle>, StoreError>;

    /// A title; absent for an unknown number, and for one that turned out to be another.
    async fn title(&self, id: i64) -> Result<Option<KnownTitle>, StoreError>;

    /// Titles by their numbers.
    async fn titles(&self, ids: Vec<i64>) -> Result<Vec<KnownTitle>, StoreError>;

    /// Titles that no catalogue was asked for since a time, the oldest first.
    async fn titles_to_refresh(&self, before: Timestamp, limit: u32) -> Result<Vec<KnownTitle>, StoreError>;

    /// Keeps what a catalogue said of a title: what `item` knows more of it, absent where the catalogue does not know it, and its genres in the place of those before.
    async fn refresh_title(
        &self,
        id: i64,
        item: Option<Item>,
        genres: Vec<String>,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// The genres of all titles, by their numbers.
    async fn genres(&self) -> Result<Vec<(i64, String)>, StoreError>;

    /// What is known of a person and a title.
    async fn known_history(
        &self,
        person: &str,
        viewers: Vec<Viewer>,
        title: i64,
    ) -> Result<KnownHistory, StoreError>;

    /// What some viewers watched since a time, in no order.
    async fn watches(&self, viewers: Vec<Viewer>, since: Timestamp) -> Result<Vec<Watch>, StoreError>;

    /// The titles that some viewers watched.
    async fn library(&self, viewers: Vec<Viewer>, filter: TitleFilter) -> Result<LibraryPage, StoreError>;

    /// Plays of a title by some viewers, those that began last first; also those that do not count.
    async fn plays_of_title(
        &self,
        viewers: Vec<Viewer>,
        title: i64,
        limit: u32,
    ) -> Result<Vec<KeptPlay>, StoreError>;

    /// All ratings that some viewers ever gave a title or parts of it, the newest first.
    async fn ratings_of_title(&self, viewers: Vec<Viewer>, title: i64) -> Result<Vec<Rating>, StoreError>;

    /// Forgets a play, drops what no tracker has taken of it yet, and puts events into the outbox that tell trackers so: each belongs to a
    /// request. Absent where the play is not
    /// there, or goes on: nothing is put there then.
    async fn remove_play(
        &self,
        id: &str,
        events: Vec<(i64, TrackerEvent)>,
        now: Timestamp,
    ) -> Result<Option<Play>, StoreError>;

    /// A person's watchlist in its order, without its first so many titles.
    async fn watchlist(
        &self,
        person: &str,
        viewers: Vec<Viewer>,
        offset: u32,
        limit: u32,
    ) -> Result<Vec<ListedTitle>, StoreError>;

    /// How many titles stand on a person's watchlist.
    async fn count_watchlist(&self, person: &str) -> Result<u32, StoreError>;

    /// Takes a title off a person's watchlist. False where it does not stand there.
    async fn remove_from_watchlist(&self, person: &str, title: i64) -> Result<bool, StoreError>;
}
