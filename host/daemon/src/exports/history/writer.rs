//! What each form of an export does, and what counts in all of them.

use std::io;

use jiff::Timestamp;
use playrelay_engine::play::Play;
use playrelay_engine::transition::Rating;

use crate::exports::history::folder::Folder;

/// The files of one format. Plays come the newest first, after all ratings.
pub(super) trait HistoryWriter: Send {
    /// Writes a rating.
    fn rating(&mut self, folder: &mut Folder, rating: &Rating) -> io::Result<()>;

    /// Writes a play.
    fn play(&mut self, folder: &mut Folder, play: &Play) -> io::Result<()>;

    /// Writes what was kept back, and ends the files.
    fn finish(self: Box<Self>, folder: &mut Folder) -> io::Result<()>;
}

/// When a play counts as watched; absent where it does not, or was taken back.
pub(super) fn watched_at(play: &Play) -> Option<Timestamp> {
    play.counted_at()
}

/// A rating as a whole number from 1 to 10; absent where it was cleared.
pub(super) fn whole_rating(rating: &Rating) -> Option<u8> {
    let stars = rating.rated.rating?.round().clamp(0.0, 10.0) as u8;
    (stars > 0).then_some(stars)
}
