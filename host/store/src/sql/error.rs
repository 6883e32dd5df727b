//! Why a statement fails.

use tokio_postgres::error::SqlState;

/// Why a statement fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// SQLite refused.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// PostgreSQL refused, or could not be reached.
    #[error("{}", of_postgres(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// No connection to PostgreSQL could be had.
    #[error("{0}")]
    NoConnection(String),
    /// The query gave no row.
    #[error("the query gave no row")]
    NoRow,
    /// A column holds what the program cannot read.
    #[error("column {column} cannot be read: {reason}")]
    Column {
        /// Which one, from 0.
        column: usize,
        /// The reason, in words.
        reason: String,
    },
    /// A value cannot be written down.
    #[error("a value cannot be written down: {0}")]
    Unwritable(#[from] serde_json::Error),
    /// A statement has other parameters than were given.
    #[error("the statement has {expected} parameters, and {given} were given")]
    Parameters {
        /// Those that the statement has.
        expected: usize,
        /// Those that were given.
        given: usize,
    },
    /// The connection was lost during the commit.
    #[error("the database may or may not have committed: {0}")]
    Unconfirmed(Box<Error>),
    /// Another node owns the household now.
    #[error("another node owns the household now")]
    LeaseLost,
    /// A newer program wrote the database.
    #[error("{0}")]
    Newer(String),
}

impl Error {
    /// Whether the server took this transaction back because it conflicted with another one.
    pub fn is_conflict(&self) -> bool {
        let conflicts = [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED];
        matches!(self, Self::Postgres(error) if error.code().is_some_and(|code| conflicts.contains(code)))
    }

    /// Whether the same transaction may succeed where it is tried again: a conflict, or a connection that was lost before the commit.
    pub fn is_transient(&self) -> bool {
        let lost = [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::CANNOT_CONNECT_NOW];
        let is_lost = |error: &tokio_postgres::Error| match error.code() {
            Some(code) => lost.contains(code),
            None => error.is_closed(),
        };
        self.is_conflict() || matches!(self, Self::Postgres(error) if is_lost(error))
    }
}

/// What a statement gives.
pub type Result<T> = std::result::Result<T, Error>;

/// What PostgreSQL says, with its own words for what the server refused.
fn of_postgres(error: &tokio_postgres::Error) -> String {
    match (error.as_db_error(), std::error::Error::source(error)) {
        (Some(refused), _) => format!("{} ({})", refused.message(), refused.code().code()),
        (None, Some(source)) => format!("{error}: {source}"),
        (None, None) => error.to_string(),
    }
}

/// Makes an absent row of an error.
pub trait OptionalExtension<T> {
    /// Absent where the query gave no row.
    ///
    /// # Errors
    ///
    /// All other errors.
    fn optional(self) -> Result<Option<T>>;
}

impl<T> OptionalExtension<T> for Result<T> {
    fn optional(self) -> Result<Option<T>> {
        match self {
            Ok(value) => Ok(Some(value)),
            Err(Error::NoRow | Error::Sqlite(rusqlite::Error::QueryReturnedNoRows)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
