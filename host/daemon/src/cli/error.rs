//! Why a command fails.

use playrelay_store::StoreError;

use crate::app::AppError;
use crate::auth::device_flow::LoginError;

/// The reason why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error(transparent)]
    House(#[from] AppError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Login(#[from] LoginError),
    /// The reader of the output is gone. That is no failure.
    #[error("nobody reads the output")]
    Unread,
    #[error("{0}")]
    Other(String),
}

impl CliError {
    /// The errors, one a line.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::House(AppError::Config(problems)) => problems.iter().map(ToString::to_string).collect(),
            other => vec![other.to_string()],
        }
    }
}
