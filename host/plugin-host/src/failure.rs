//! Why a call to a service gave no value.

/// Why a call to a service gave no value; see `types.failure`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The same call may succeed later.
    Retry {
        /// Ms to wait at least; absent if the host decides.
        after_ms: Option<u32>,
        /// The reason, one sentence for people.
        reason: String,
    },
    /// A quota is used up.
    Quota {
        /// When the service renews it, RFC 3339.
        until: String,
        /// The reason, one sentence for people.
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
