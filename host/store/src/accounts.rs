//! How accounts stand: pauses, and what they used of their daily quotas.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::StoreError;

/// Why an account is left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum AccountPause {
    /// Until a time: the tracker is down, or a quota is used up.
    Until {
        /// When to try again.
        until: Timestamp,
        /// Why, one sentence for people.
        reason: String,
        /// Failures in a row, from which the next pause is worked out.
        failures: u32,
    },
    /// Until somebody logs in.
    Login {
        /// Why, one sentence for people.
        reason: String,
    },
    /// Until a person has dealt with it; tried again once an hour.
    Blocked {
        /// When to try again.
        until: Timestamp,
        /// Why, one sentence for people.
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

/// How accounts stand.
///
/// # Errors
///
/// A write that fails leaves everything as it was.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// Why an account is left alone; absent where it is not.
    async fn pause(&self, account: &str) -> Result<Option<AccountPause>, StoreError>;

    /// Says how an account stands.
    async fn set_pause(&self, account: &str, parked: Option<AccountPause>) -> Result<(), StoreError>;
}

/// How much of their daily quotas accounts have used.
#[async_trait]
pub trait QuotaStore: Send + Sync {
    /// The requests that an account sent on its last day; absent if it sent none.
    async fn quota_usage(&self, account: &str) -> Result<Option<QuotaUsage>, StoreError>;

    /// Keeps it. Durable when it returns.
    async fn keep_quota_usage(&self, account: &str, usage: QuotaUsage) -> Result<(), StoreError>;
}
