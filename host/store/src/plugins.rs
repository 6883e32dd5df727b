//! Approvals, small values and cached answers of plugins.

use async_trait::async_trait;
use jiff::Timestamp;
use playrelay_engine::model::Item;

use crate::StoreError;

/// The most that is told apart of what one plugin was denied: a plugin decides how many origins it tries.
pub const PLUGIN_ACCESSES: usize = 500;
/// The target under which the rest is counted.
pub const OTHER_TARGETS: &str = "others";

/// A person's consent to a plugin: to these bytes, asking for these permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The plugin's id.
    pub id: String,
    /// The digest of the component.
    pub digest: String,
    /// The digest of its permissions.
    pub permissions: String,
}

/// An approval that is stored, with what was known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredApproval {
    /// What was approved.
    pub approval: Approval,
    /// When it was approved, UTC.
    pub at: Timestamp,
    /// How it was approved: `command`, `page` or `api`; empty where an older program stored it.
    pub by: String,
}

/// How often a plugin did one thing, or was kept from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginAccess {
    /// The account that the plugin served.
    pub account: String,
    /// The origin, or the interface where no origin is meant.
    pub target: String,
    /// Why it was denied; absent where it was not.
    pub denied: Option<String>,
    /// How often.
    pub count: u64,
    /// The first time.
    pub first_at: Timestamp,
    /// The last time.
    pub last_at: Timestamp,
}

/// Approvals of plugins, and what plugins reached.
///
/// # Errors
///
/// A write that fails leaves everything as it was.
#[async_trait]
pub trait PluginStore: Send + Sync {
    /// The approvals of plugins.
    async fn approvals(&self) -> Result<Vec<Approval>, StoreError>;

    /// The same, with when and how.
    async fn stored_approvals(&self) -> Result<Vec<StoredApproval>, StoreError>;

    /// Stores an approval, in place of an older one of the same plugin, with what was shown, as JSON.
    async fn approve(&self, approval: StoredApproval, shown: String) -> Result<(), StoreError>;

    /// The permissions that were shown when a plugin was approved; absent if it was not approved, or by an older program.
    async fn shown_at_approval(&self, id: &str) -> Result<Option<String>, StoreError>;

    /// Takes an approval back. False if the plugin was not approved.
    async fn revoke(&self, id: &str) -> Result<bool, StoreError>;

    /// Adds to what a plugin reached and what it was denied. The count of each is added, and its times are widened. Of a plugin with
    /// [`PLUGIN_ACCESSES`] denials, new ones are counted together.
    async fn count_accesses(&self, plugin: &str, accesses: Vec<PluginAccess>) -> Result<(), StoreError>;

    /// What a plugin reached and what it was denied, the latest first.
    async fn accesses(&self, plugin: &str) -> Result<Vec<PluginAccess>, StoreError>;
}

/// Small values of owners: a plugin and an account of it, or the host.
#[async_trait]
pub trait KeyValueStore: Send + Sync {
    /// The value of a key that has not expired.
    async fn get(&self, owner: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Stores a value, for `ttl_s` seconds where given. `Ok(false)` where the owner would have more than 1,000 keys, or 256 KiB.
    async fn set(
        &self,
        owner: &str,
        key: &str,
        value: Vec<u8>,
        ttl_s: Option<u32>,
    ) -> Result<bool, StoreError>;

    /// Forgets a key.
    async fn delete(&self, owner: &str, key: &str) -> Result<(), StoreError>;
}

/// Answers of plugins about items, kept until they expire.
#[async_trait]
pub trait LookupStore: Send + Sync {
    /// The cached answer of a source's server about an item; absent if it expired.
    async fn cached_lookup(
        &self,
        source: &str,
        item: &str,
        now: Timestamp,
    ) -> Result<Option<Item>, StoreError>;

    /// Keeps what a source's server said of an item.
    async fn cache_lookup(
        &self,
        source: &str,
        item: &str,
        found: &Item,
        until: Timestamp,
    ) -> Result<(), StoreError>;
}
