//! Histories that other programs wrote: each format is read into the same rows, which say what was watched, rated or listed.
//!
//! - `archive`: the files of an upload, alone or in a zip, with limits on what is inflated
//! - `error`: why a history cannot be read
//! - `source`: what can be imported
//! - `row`: what a row tells, or why it tells nothing
//! - `table`: tables whose columns are found by their names
//! - `item`: films and episodes from the fields that formats have
//! - [`anime`]: files that map ids of anime catalogues
//! - [`setup`]: set-ups of other programs
//! - `trakt`, `letterboxd`, `movary`, `simkl`, `yamtrack`, `imdb`, `tv_time`: the formats

pub mod anime;
mod archive;
mod error;
mod imdb;
mod item;
mod letterboxd;
mod movary;
mod row;
pub mod setup;
mod simkl;
mod source;
mod table;
mod trakt;
mod tv_time;
mod yamtrack;

use std::path::Path;

use archive::Archive;
pub use archive::MAX_UPLOAD_BYTES;
pub use error::ImportError;
pub use row::ImportedRow;
use serde::{Deserialize, Serialize};
pub use source::ImportSource;

/// The folder of uploads in the data folder.
pub(crate) const FOLDER: &str = "imports";

/// Whose form a history has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImportFormat {
    /// An export of Trakt: a zip of JSON files, or one of them. Playrelay's own export has the same form.
    Trakt,
    /// An export of Letterboxd: a zip of tables, or one of them.
    Letterboxd,
    /// A table of Movary: history, ratings or watchlist.
    Movary,
    /// A backup of SIMKL: JSON, alone or in a zip, or its table.
    Simkl,
    /// A table of Yamtrack or Floppy.
    Yamtrack,
    /// A table of IMDb: ratings or watchlist.
    Imdb,
    /// What TV Time sends on request: a zip of tables.
    TvTime,
}

impl ImportFormat {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Trakt, Self::Letterboxd, Self::Movary, Self::Simkl, Self::Yamtrack, Self::Imdb, Self::TvTime];

    /// The word for commands and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trakt => "trakt",
            Self::Letterboxd => "letterboxd",
            Self::Movary => "movary",
            Self::Simkl => "simkl",
            Self::Yamtrack => "yamtrack",
            Self::Imdb => "imdb",
            Self::TvTime => "tv-time",
        }
    }

    /// The name for people, and what they upload.
    pub fn description(self) -> (&'static str, &'static str) {
        match self {
            Self::Trakt => ("Trakt", "the zip of Settings, Data, Export; or one of its JSON files"),
            Self::Letterboxd => ("Letterboxd", "the zip of Settings, Data, Export; or one of its tables"),
            Self::Movary => (
                "Movary",
                "history.csv, ratings.csv or watchlist.csv of its settings, one at a time or in a zip",
            ),
            Self::Simkl => ("SIMKL", "SimklBackup.json or the zip with it; or the table (CSV)"),
            Self::Yamtrack => ("Yamtrack", "the CSV of its export, also that of Floppy"),
            Self::Imdb => ("IMDb", "the CSV of your ratings or of your watchlist"),
            Self::TvTime => ("TV Time", "the zip that TV Time sends when you ask for your data"),
        }
    }

    /// The format of a word; absent for any other.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == word)
    }

    /// The place of a file in the order in which files are read; absent for one that has nothing for us.
    fn order(self, name: &str) -> Option<u32> {
        match self {
            Self::Trakt => trakt::order(name),
            Self::Letterboxd => letterboxd::order(name),
            Self::TvTime => tv_time::order(name),
            Self::Simkl => {
                name.ends_with(".json").then_some(0).or_else(|| name.ends_with(".csv").then_some(1))
            }
            Self::Movary | Self::Yamtrack | Self::Imdb => name.ends_with(".csv").then_some(0),
        }
    }

    fn read_file(self, name: &str, bytes: &[u8]) -> Result<Vec<ImportedRow>, ImportError> {
        let rows = match self {
            Self::Trakt => trakt::read(name, bytes),
            Self::Letterboxd => letterboxd::read(name, bytes),
            Self::Movary => movary::read(name, bytes),
            Self::Simkl => simkl::read(name, bytes),
            Self::Yamtrack => yamtrack::read(name, bytes),
            Self::Imdb => imdb::read(name, bytes),
            Self::TvTime => tv_time::read(name, bytes),
        };
        rows.map_err(|reason| ImportError::File { name: name.to_owned(), reason })
    }
}

/// Reads a history file by file, and gives the rows of each to `take`, until that says that it is enough.
///
/// # Errors
///
/// The file is broken, too large, or not of the format. Rows that were given stay given.
pub fn read(
    format: ImportFormat,
    path: &Path,
    name: &str,
    mut take: impl FnMut(Vec<ImportedRow>) -> bool,
) -> Result<(), ImportError> {
    let mut archive = Archive::open(path, name)?;
    let mut wanted: Vec<(u32, usize)> = archive
        .names()
        .iter()
        .enumerate()
        .filter_map(|(index, name)| Some((format.order(&name.to_lowercase())?, index)))
        .collect();
    wanted.sort_unstable();
    if wanted.is_empty() {
        let (format, expected) = format.description();
        return Err(ImportError::Nothing(format, expected));
    }
    for (_, index) in wanted {
        let (name, bytes) = archive.read(index)?;
        if !take(format.read_file(&name, &bytes)?) {
            return Ok(());
        }
    }
    Ok(())
}
