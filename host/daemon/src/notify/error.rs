//! Why a notification was not sent.

use std::time::Duration;

/// Why a notification was not sent. Each text is one sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SendError {
    /// It may be sent later.
    #[error("{reason}")]
    Later {
        /// The reason.
        reason: String,
        /// How long to wait at least; absent if the service does not say.
        after: Option<Duration>,
    },
    /// It can never be sent.
    #[error("{0}")]
    Refused(String),
}
