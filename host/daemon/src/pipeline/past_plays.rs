//! Stored plays of the past that inputs speak of.

use std::collections::HashMap;

use playrelay_engine::play::{Play, PlayId};

/// What is stored of the past that inputs speak of, by input.
#[derive(Default)]
pub(crate) struct PastPlays {
    /// Plays of the same items.
    pub(crate) known: HashMap<i64, Vec<Play>>,
    /// Plays of imports that are the same watch.
    pub(crate) imported: HashMap<i64, ImportedPlays>,
}

/// Plays of imports that one row of a server's history is.
pub(crate) struct ImportedPlays {
    /// The plays.
    pub(crate) plays: Vec<PlayId>,
    /// Whether a tracker was told of one of them: then it must not be told again.
    pub(crate) is_told: bool,
}
