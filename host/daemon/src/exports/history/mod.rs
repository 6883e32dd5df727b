//! Plays and ratings as files: whole, or in the form that another service reads.
//!
//! - `whole`: everything, a row each; `row` has the columns, `jsonl` and `csv` the files
//! - `trakt`: what was watched, as an export of Trakt has it
//! - `letterboxd`: films that were watched, as the import of Letterboxd takes them
//! - `writer`: what each form does, and what counts
//! - `folder`: the files of one export

mod csv;
mod folder;
mod jsonl;
mod letterboxd;
mod row;
mod trakt;
mod whole;
mod writer;

use std::io;
use std::path::Path;

use folder::Folder;
pub use folder::WrittenFile;
use jiff::tz::TimeZone;
use playrelay_engine::play::Play;
use playrelay_engine::transition::Rating;
use whole::WholeHistory;
use writer::HistoryWriter;

/// The form of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ExportFormat {
    /// All plays and ratings, a line of JSON each.
    Jsonl,
    /// All plays and ratings, as tables.
    Csv,
    /// What was watched and rated, in the form of an export of Trakt, which many services import.
    Trakt,
    /// Films that were watched, with their ratings, as the import of Letterboxd takes them.
    Letterboxd,
}

impl ExportFormat {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Jsonl, Self::Csv, Self::Trakt, Self::Letterboxd];

    /// The form of a word; absent for any other.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == word)
    }

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Trakt => "trakt",
            Self::Letterboxd => "letterboxd",
        }
    }

    /// A short name, and what is in it, for people.
    pub fn description(self) -> (&'static str, &'static str) {
        match self {
            Self::Jsonl => ("JSON lines", "all plays and ratings, for programs"),
            Self::Csv => ("Tables", "all plays and ratings, for a spreadsheet"),
            Self::Trakt => ("As from Trakt", "what was watched and rated, which many services import"),
            Self::Letterboxd => ("For Letterboxd", "films with their ratings, for its import"),
        }
    }

    /// Whether it has no place for whose a play is: an export is one person's.
    pub fn is_of_one_person(self) -> bool {
        matches!(self, Self::Trakt | Self::Letterboxd)
    }
}

/// An export that is being written.
pub struct HistoryExport {
    writer: Box<dyn HistoryWriter>,
    folder: Folder,
}

impl HistoryExport {
    /// Makes the folder (mode 0700) for an export. `zone` says on which day something was watched, where a form has days only.
    ///
    /// # Errors
    ///
    /// The folder cannot be made, or has something in it.
    pub fn begin(format: ExportFormat, path: &Path, zone: TimeZone) -> io::Result<Self> {
        let folder = Folder::create(path)?;
        let writer: Box<dyn HistoryWriter> = match format {
            ExportFormat::Jsonl => Box::new(WholeHistory::<jsonl::JsonLines>::new(&folder)?),
            ExportFormat::Csv => Box::new(WholeHistory::<csv::Table>::new(&folder)?),
            ExportFormat::Trakt => Box::<trakt::TraktExport>::default(),
            ExportFormat::Letterboxd => Box::new(letterboxd::LetterboxdImport::new(zone)),
        };
        Ok(Self { writer, folder })
    }

    /// Writes a rating. All of them come before the plays.
    ///
    /// # Errors
    ///
    /// A file cannot be written.
    pub fn rating(&mut self, rating: &Rating) -> io::Result<()> {
        self.writer.rating(&mut self.folder, rating)
    }

    /// Writes a play, the newest first.
    ///
    /// # Errors
    ///
    /// A file cannot be written.
    pub fn play(&mut self, play: &Play) -> io::Result<()> {
        self.writer.play(&mut self.folder, play)
    }

    /// Ends the export, and gives what was written. A file without rows is left out.
    ///
    /// # Errors
    ///
    /// A file cannot be written.
    pub fn finish(mut self) -> io::Result<Vec<WrittenFile>> {
        self.writer.finish(&mut self.folder)?;
        self.folder.finish()
    }
}
