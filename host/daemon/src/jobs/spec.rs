//! The kinds of jobs, and what each has to know.

use playrelay_store::{Job, NewJob};
use serde::{Deserialize, Serialize};

use crate::imports::ImportFormat;

/// The person of a job that is nobody's alone.
pub const HOUSEHOLD: &str = "";

/// What a job does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum JobSpec {
    /// Reads the watchlist of an account into a person's own.
    WatchlistImport {
        /// The source or the tracker.
        account: String,
    },
    /// Reads the file that maps ids of anime catalogues again. It is nobody's job alone.
    AnimeRefresh {
        /// The path or the address.
        file: String,
    },
    /// Asks the catalogue for what it knows of the titles of the library. It is nobody's job alone.
    MetadataRefresh,
    /// Enters the plays of a server's own history. It is nobody's job alone.
    CatchUp {
        /// The source.
        source: String,
        /// How many days back.
        days: i64,
    },
    /// Writes a person's history into an archive.
    Export {
        /// The form, by its word.
        format: String,
    },
    /// Reads a history that another program wrote.
    HistoryImport {
        /// Its form.
        format: ImportFormat,
        /// The name of the upload in the data folder.
        file: String,
        /// What the person calls the file.
        name: String,
        /// The trackers that receive what is imported.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tell: Vec<String>,
    },
    /// Tells a tracker what an import has written.
    ImportDelivery {
        /// The job that imported it.
        import: i64,
        /// The tracker.
        tracker: String,
        /// What the job is called.
        name: String,
    },
}

impl JobSpec {
    /// The job that tells a tracker what another job has imported.
    pub fn import_delivery(import: &Job, tracker: &str) -> Self {
        let name = format!("{} of job {} to {tracker}", import.work.about, import.id);
        Self::ImportDelivery { import: import.id, tracker: tracker.to_owned(), name }
    }

    /// The word for the kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::WatchlistImport { .. } => "watchlist-import",
            Self::AnimeRefresh { .. } => "anime-refresh",
            Self::MetadataRefresh => "metadata-refresh",
            Self::CatchUp { .. } => "catch-up",
            Self::Export { .. } => "export",
            Self::HistoryImport { .. } => "history-import",
            Self::ImportDelivery { .. } => "import-delivery",
        }
    }

    /// Whether it writes into a person's history or lists, so that it can be taken back.
    pub fn writes_history(&self) -> bool {
        matches!(self, Self::WatchlistImport { .. } | Self::HistoryImport { .. })
    }

    /// What the job is about.
    pub fn about(&self) -> &str {
        match self {
            Self::WatchlistImport { account } => account,
            Self::AnimeRefresh { file } => file,
            Self::MetadataRefresh => "titles",
            Self::CatchUp { source, .. } => source,
            Self::Export { format } => format,
            Self::HistoryImport { name, .. } | Self::ImportDelivery { name, .. } => name,
        }
    }

    /// The job, for somebody.
    pub fn for_person(&self, person: &str) -> NewJob {
        NewJob {
            kind: self.kind().to_owned(),
            person: person.to_owned(),
            about: self.about().to_owned(),
            spec: serde_json::to_string(self).expect("a specification is names and texts, which JSON has"),
        }
    }

    /// Reads what a job has to know; absent where another program wrote it.
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}
