//! What can be imported: a history, or a set-up.

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::imports::ImportFormat;
use crate::imports::setup::SetUpFormat;

/// What is imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportSource {
    /// A history that another program or service wrote.
    History(ImportFormat),
    /// The set-up of another program.
    SetUp(SetUpFormat),
}

use ImportSource::{History, SetUp};

impl ValueEnum for ImportSource {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            History(ImportFormat::Trakt),
            History(ImportFormat::Letterboxd),
            History(ImportFormat::Movary),
            History(ImportFormat::Simkl),
            History(ImportFormat::Yamtrack),
            History(ImportFormat::Imdb),
            History(ImportFormat::TvTime),
            SetUp(SetUpFormat::CrossWatch),
            SetUp(SetUpFormat::Goplaxt),
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (word, help) = match self {
            History(format) => (format.as_str(), format.description().1),
            SetUp(format) => (format.as_str(), format.description()),
        };
        Some(PossibleValue::new(word).help(help))
    }
}
