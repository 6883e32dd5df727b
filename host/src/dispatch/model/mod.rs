//! The vocabulary of the core, mirroring the contract in `wit/types.wit` and `wit/reports.wit`.

mod ids;
mod item;
mod report;

use unicode_normalization::UnicodeNormalization;

pub use ids::{Ids, OfEpisode, OfMovie, OfSeason, OfShow};
pub use item::{Episode, Item, ItemKind, Movie, Season, Show};
pub use report::{
    Completion, Content, Marked, Placed, Playback, PlaybackState, Player, Rated, Report, Server, User,
};

/// Text in a form in which letters that look the same are the same, whatever their case and however they are composed.
pub fn fold(text: &str) -> String {
    text.trim().nfkc().flat_map(char::to_lowercase).collect()
}
