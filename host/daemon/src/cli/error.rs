//! Why a command fails.

use playrelay_plugin_kit::KitError;
use playrelay_store::StoreError;
use playrelay_store::copy::CopyError;

use crate::app::AppError;
use crate::auth::device_flow::LoginError;
use crate::operations::OperationError;
use crate::operations::backup::BackupError;
use crate::platform::user::UserError;

/// The reason why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error(transparent)]
    App(#[from] AppError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Login(#[from] LoginError),
    /// The reader of the output is gone. That is no failure.
    #[error("nobody reads the output")]
    Unread,
    #[error(transparent)]
    Operation(OperationError),
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error(transparent)]
    Copy(#[from] CopyError),
    #[error(transparent)]
    User(#[from] UserError),
    #[error(transparent)]
    Kit(#[from] KitError),
    #[error("{0}")]
    Other(String),
}

impl From<OperationError> for CliError {
    fn from(error: OperationError) -> Self {
        match error {
            OperationError::App(error) => Self::App(error),
            OperationError::Store(error) => Self::Store(error),
            other => Self::Operation(other),
        }
    }
}

impl CliError {
    /// The errors, one a line.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::App(AppError::Config(problems)) => problems.iter().map(ToString::to_string).collect(),
            other => vec![other.to_string()],
        }
    }
}
