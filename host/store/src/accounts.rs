//! Pauses of accounts, and the requests that they sent on a day.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::StoreError;

/// The reason why nothing is sent for an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum AccountPause {
    /// Until a time: the tracker is down, or a quota is used up.
    Until {
        /// When the host tries again, UTC.
        until: Timestamp,
        /// The reason, one sentence for people.
        reason: String,
        /// Failures in a row, from which the next pause is worked out.
        failures: u32,
    },
    /// Until somebody logs in.
    Login {
        /// The reason, one sentence for people.
        reason: String,
    },
    /// Until a person has dealt with it; tried again once an hour.
    Blocked {
        /// When the host tries again, UTC.
        until: Timestamp,
        /// The reason, one sentence for people.
        reason: String,
    },
}

/// The requests that an account sent on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaUsage {
    /// The day: `2026-11-21`.
    pub day: String,
    /// Requests sent on it.
    pub used: u32,
    /// Requests allowed on a day, as far as is known.
    pub allowed: u32,
}

/// Pauses of accounts.
///
/// # Errors
///
/// A write that fails leaves everything as it was.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// The pause of an account; absent if it has none.
    async fn pause(&self, account: &str) -> Result<Option<AccountPause>, StoreError>;

    /// Sets the pause of an account, or ends it.
    async fn set_pause(&self, account: &str, parked: Option<AccountPause>) -> Result<(), StoreError>;
}

/// The requests that accounts sent on a day.
#[async_trait]
pub trait QuotaStore: Send + Sync {
    /// The requests that an account sent on its last day; absent if it sent none.
    async fn quota_usage(&self, account: &str) -> Result<Option<QuotaUsage>, StoreError>;

    /// Puts what a rule makes of the usage in its place, as one step: nobody counts in between. Gives it, once it is durable; absent where the
    /// rule leaves the usage as it is. The rule may be asked several times.
    async fn change_quota_usage(
        &self,
        account: &str,
        rule: QuotaRule,
    ) -> Result<Option<QuotaUsage>, StoreError>;
}

/// What becomes of a usage; absent where it stays as it is.
pub type QuotaRule = Box<dyn Fn(Option<QuotaUsage>) -> Option<QuotaUsage> + Send + Sync>;
