//! The vocabulary of the core, mirroring the contract in `wit/0.1/types.wit` and `wit/0.1/reports.wit`.

mod ids;
mod item;
mod report;
mod text;

pub use ids::{Ids, OfEpisode, OfMovie, OfSeason, OfShow};
pub use item::{Episode, Item, ItemKind, Movie, Season, Show};
pub use report::{
    Completion, Content, ItemContext, Marked, Playback, PlaybackState, Player, Rated, Report, Server, User,
};
pub use text::{folds_to, normalize};
