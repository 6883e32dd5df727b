//! Why a call to a service gave no value.

/// Why a call to a service gave no value; see `types.failure`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Later.
    Retry {
        /// Not before.
        after_ms: Option<u32>,
        /// In words.
        reason: String,
    },
    /// When the quota is filled again.
    Quota {
        /// RFC 3339.
        until: String,
        /// In words.
        reason: String,
    },
    /// After a new login.
    Unauthorized(String),
    /// After a person has dealt with the account.
    Blocked(String),
    /// Never.
    Rejected(String),
}

impl Failure {
    /// In words.
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
