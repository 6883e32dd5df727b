//! All plays and all ratings, a row each, in two files: `plays` and `ratings`.

use std::io;

use playrelay_engine::play::Play;
use playrelay_engine::transition::Rating;

use crate::exports::history::folder::Folder;
use crate::exports::history::row::Row;
use crate::exports::history::writer::HistoryWriter;

/// A file of rows.
pub(super) trait RowFile: Sized + Send {
    /// What the names of such files end with, without a dot.
    const EXTENSION: &str;

    /// Makes a file without rows.
    fn create(folder: &Folder, name: String) -> io::Result<Self>;

    /// Writes a row.
    fn write(&mut self, row: &Row) -> io::Result<()>;

    /// Ends the file.
    fn close(self, folder: &mut Folder) -> io::Result<()>;
}

/// An export of everything into files of one kind.
pub(super) struct WholeHistory<File> {
    plays: File,
    ratings: File,
}

impl<File: RowFile> WholeHistory<File> {
    pub(super) fn new(folder: &Folder) -> io::Result<Self> {
        let file = |name: &str| File::create(folder, format!("{name}.{}", File::EXTENSION));
        Ok(Self { plays: file("plays")?, ratings: file("ratings")? })
    }
}

impl<File: RowFile> HistoryWriter for WholeHistory<File> {
    fn rating(&mut self, _: &mut Folder, rating: &Rating) -> io::Result<()> {
        self.ratings.write(&Row::of_rating(rating))
    }

    fn play(&mut self, _: &mut Folder, play: &Play) -> io::Result<()> {
        self.plays.write(&Row::of_play(play))
    }

    fn finish(self: Box<Self>, folder: &mut Folder) -> io::Result<()> {
        self.plays.close(folder)?;
        self.ratings.close(folder)
    }
}
