//! Why a call to a service gave no value.

/// Why a call to a service gave no value; see `types.failure`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The same call may succeed later.
    Retry {
        /// Not before.
        after_ms: Option<u32>,
        /// Why, one sentence for people.
        reason: String,
    },
    /// When the quota is filled again.
    Quota {
        /// RFC 3339.
        until: String,
        /// Why, one sentence for people.
        reason: String,
    },
    /// After a new login.
    Unauthorized(String),
    /// After a person has dealt with the account.
    Blocked(String),
    /// The call can never succeed; why, one sentence for people.
    Rejected(String),
}

impl Failure {
    /// The reason, one sentence for people.
    pub fn reason(&self) -> &str {
        match self {
            Self::Retry { reason, .. }
            | Self::Quota { reason, .. }
            | Self::Unauthorized(reason)
            | Self::Blocked(reason)
            | Self::Rejected(reason) => reason,
        }
    }
}
