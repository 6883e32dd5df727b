//! Why a call of a plugin gave no value.

use crate::failure::Failure;
use crate::fault::Fault;

/// Why a call of a plugin gave no value: the service refused, or the plugin did not work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The plugin says that the call failed.
    #[error("{}", .0.reason())]
    Failure(Failure),
    /// The plugin broke, or took too much.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// The value of a call, whose errors are of two kinds.
///
/// # Errors
///
/// The plugin returned a failure, or did not work.
pub fn value<T>(answer: Result<Result<T, Failure>, Fault>) -> Result<T, CallError> {
    answer?.map_err(CallError::Failure)
}
