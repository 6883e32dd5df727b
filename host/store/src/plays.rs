//! Plays and ratings.

use async_trait::async_trait;
use jiff::Timestamp;
use playrelay_engine::model::Playback;
use playrelay_engine::play::{Play, PlayId, Viewer};
use playrelay_engine::transition::Rating;

use crate::StoreError;

/// Which plays of a list are wanted. Texts are looked for anywhere, in any case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlayFilter {
    /// Those that began before a play, or at the same time and have a smaller id.
    pub before: Option<(Timestamp, PlayId)>,
    /// Those of users with this in their name.
    pub user: Option<String>,
    /// Those of titles with this.
    pub title: Option<String>,
    /// At most so many.
    pub limit: u32,
}

impl PlayFilter {
    /// Whether a play is wanted, by its texts.
    pub fn fits(&self, play: &Play) -> bool {
        let has = |text: &str, part: &Option<String>| {
            part.as_ref().is_none_or(|part| text.to_lowercase().contains(&part.to_lowercase()))
        };
        has(&play.user.to_string(), &self.user) && has(&play.item.to_string(), &self.title)
    }
}

/// Plays and ratings, which are written with the input that they come from.
#[async_trait]
pub trait PlayStore: Send + Sync {
    /// Plays by their beginning, the newest first: those that began before a play, or at the same time and have a smaller id.
    async fn plays(&self, before: Option<(Timestamp, PlayId)>, limit: u32) -> Result<Vec<Play>, StoreError> {
        self.plays_matching(PlayFilter { before, limit, ..PlayFilter::default() }).await
    }

    /// Plays that fit, by their beginning, the newest first.
    async fn plays_matching(&self, filter: PlayFilter) -> Result<Vec<Play>, StoreError>;

    /// A play; absent for an unknown id.
    async fn play(&self, id: &PlayId) -> Result<Option<Play>, StoreError>;

    /// Plays that are going on, and those that ended since a time.
    async fn plays_since(&self, since: Timestamp) -> Result<Vec<Play>, StoreError>;

    /// Plays on a server within two days of a time.
    async fn plays_around(&self, server: &str, at: Timestamp) -> Result<Vec<Play>, StoreError>;

    /// Plays of an item of a server, by whomever: the item by the server's own key for it.
    async fn plays_of_item(&self, server: &str, item: &str) -> Result<Vec<Play>, StoreError>;

    /// Plays to which a row of a server's history can refer: those around its time, and those of its item.
    async fn plays_for(&self, row: &Playback) -> Result<Vec<Play>, StoreError> {
        let mut plays = self.plays_around(&row.server.id, row.at).await?;
        if let Some(item) = &row.item.server_ref {
            plays.extend(self.plays_of_item(&row.server.id, item).await?);
        }
        Ok(plays)
    }

    /// The plays of one viewer that ended and are held, the oldest first, and the ratings.
    async fn unrouted_plays(&self, viewer: &Viewer) -> Result<(Vec<Play>, Vec<Rating>), StoreError>;

    /// Ratings since a time.
    async fn ratings_since(&self, since: Timestamp) -> Result<Vec<Rating>, StoreError>;
}
