//! The traits that the program around the plugin host implements: stores, and logins.

use std::sync::Arc;

use async_trait::async_trait;

use crate::http::login_tokens::LoginTokens;
use crate::http::message::{HttpError, Request, Response};
use crate::recording::RecordedCall;

/// Where the small stores are kept. Errors are texts for the guest's log.
#[async_trait]
pub trait KeyValue: Send + Sync {
    /// The value of a key that has not expired, of an owner: a plugin and an account of it, or the host.
    async fn get(&self, account: &str, key: &str) -> Result<Option<Vec<u8>>, String>;

    /// Stores a value, for `ttl_s` seconds where given. `Ok(false)` where the account's quota does not allow it.
    async fn set(&self, account: &str, key: &str, value: Vec<u8>, ttl_s: Option<u32>)
    -> Result<bool, String>;

    /// Forgets a key.
    async fn delete(&self, account: &str, key: &str) -> Result<(), String>;
}

/// Where it is kept how many requests were sent. Errors are texts.
#[async_trait]
pub trait QuotaStore: Send + Sync {
    /// The requests that an account sent on its last day; absent if it sent none.
    async fn usage(&self, account: &str) -> Result<Option<QuotaUsage>, String>;

    /// Puts what a rule makes of the usage in its place, as one step: no other process counts in between. Gives it, once it is durable; absent
    /// where the rule leaves the usage as it is. The rule may be asked several times.
    async fn change_usage(&self, account: &str, rule: UsageRule) -> Result<Option<QuotaUsage>, String>;
}

/// What becomes of a usage; absent where it stays as it is.
pub type UsageRule = Box<dyn Fn(Option<QuotaUsage>) -> Option<QuotaUsage> + Send + Sync>;

/// The requests of a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaUsage {
    /// Which: `2026-11-21`, as [`Quota::day_of`](crate::manifest::Quota::day_of) names it.
    pub day: String,
    /// Sent on it.
    pub used: u32,
    /// Allowed a day, as far as is known.
    pub allowed: u32,
}

/// Whether this program may change anything at a service now: where several share an account, only one may.
pub trait WriteGate: Send + Sync {
    /// Asked right before each request that is no `GET`.
    fn may_write(&self) -> bool;
}

/// Keeps the logins.
#[async_trait]
pub trait Logins: Send + Sync {
    /// The login of an account; absent where nobody has logged in.
    async fn current(&self, account: &str) -> Result<Option<Arc<LoginTokens>>, HttpError>;

    /// Called when a service has refused `rejected`. Gives a newer login, refreshing where that is possible;
    /// absent where the user has to log in again.
    async fn renew(
        &self,
        account: &str,
        rejected: &LoginTokens,
    ) -> Result<Option<Arc<LoginTokens>>, HttpError>;

    /// Whether nobody is logged in, or the service will not renew the login: the user has to log in again.
    async fn is_refused(&self, account: &str) -> bool;
}

/// Counts what plugins reach, and what they are denied. A call must not wait for it.
pub trait AccessAudit: Send + Sync {
    /// Counts an access of an account's plugin.
    fn note(&self, plugin: &str, account: &str, access: Access);
}

/// An access of a plugin.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// A request was sent to an origin, whatever became of it, or a connection was opened there.
    Contacted(String),
    /// A call was denied.
    Denied {
        /// The origin, or the interface where no origin is meant: `kv`.
        target: String,
        /// The rule, for people.
        reason: String,
    },
}

/// Answers requests in the network's place: for tests of plugins.
pub trait Transport: Send + Sync {
    /// Answers a request that the policy of the account allows. It has no credentials yet.
    ///
    /// # Errors
    ///
    /// What a network could do instead of giving an answer.
    fn answer(&self, request: &Request) -> Result<Response, HttpError>;
}

/// Keeps calls of plugins with all that was said in them.
pub trait CallRecorder: Send + Sync {
    /// Whether calls are to be recorded now.
    fn is_on(&self) -> bool;

    /// Keeps a call. It was made already: what cannot be kept costs the record.
    fn keep(&self, call: RecordedCall);
}

/// Notes what plugins and services say to each other.
pub trait ExchangeRecorder: Send + Sync {
    /// Notes an exchange of a plugin: its request without credentials, and the answer without secrets.
    fn note(&self, plugin: &str, request: &Request, response: &Response);
}
