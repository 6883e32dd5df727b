//! Why a notification was not sent.

use std::time::Duration;

/// The pause after a refusal that lasts until a person corrects the settings.
const REFUSAL_PAUSE: Duration = Duration::from_secs(60 * 60);

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

impl SendError {
    /// The service refuses the login, or the account: a person has to correct the settings.
    pub(super) fn until_corrected(reason: String) -> Self {
        Self::Later { reason, after: Some(REFUSAL_PAUSE) }
    }
}
