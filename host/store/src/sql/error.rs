//! Why a statement fails.

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
    /// A job of the transaction failed in a way that leaves the transaction without effect.
    #[error("an earlier statement of the transaction failed")]
    Aborted,
    /// A newer program wrote the database.
    #[error("{0}")]
    Newer(String),
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
