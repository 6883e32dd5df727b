//! How a piece of a job ends where it does not simply go on.

use std::time::Duration;

use jiff::Timestamp;
use playrelay_plugin_host::call_error::CallError;
use playrelay_plugin_host::failure::Failure;
use playrelay_store::{JobState, StoreError};

/// How a job ends: its state, and what to say of it.
pub(super) type JobEnd = Result<(JobState, String), JobStop>;

/// Why a job does not go on now.
#[derive(Debug, thiserror::Error)]
pub(super) enum JobStop {
    /// A person asked for its end.
    #[error("it was cancelled")]
    Cancelled,
    /// It cannot be done, whenever it is tried.
    #[error("{0}")]
    Failed(String),
    /// It may be done later; after this long at least, where somebody said so.
    #[error("{reason}")]
    Later {
        /// Why it cannot be done now.
        reason: String,
        /// How long to wait at least.
        after: Option<Duration>,
    },
    /// A service counts requests: it may go on at this time.
    #[error("{reason}")]
    Until {
        /// Why it has to wait.
        reason: String,
        /// When it may go on, UTC; absent where the service does not say.
        at: Option<Timestamp>,
    },
}

impl From<StoreError> for JobStop {
    fn from(error: StoreError) -> Self {
        Self::Later { reason: error.to_string(), after: None }
    }
}

impl From<CallError> for JobStop {
    fn from(error: CallError) -> Self {
        let reason = error.to_string();
        match error {
            CallError::Failure(Failure::Retry { after_ms, .. }) => {
                Self::Later { reason, after: after_ms.map(|ms| Duration::from_millis(ms.into())) }
            }
            CallError::Failure(Failure::Quota { until, .. }) => {
                Self::Until { reason, at: until.parse().ok() }
            }
            CallError::Failure(Failure::Unauthorized(_)) => {
                Self::Failed(format!("{reason}; log in again, and have the job go on"))
            }
            CallError::Failure(Failure::Blocked(_) | Failure::Rejected(_)) => Self::Failed(reason),
            CallError::Fault(_) => Self::Later { reason, after: None },
        }
    }
}
