//! Approvals, small values and cached answers of plugins.

use async_trait::async_trait;
use jiff::Timestamp;
use playrelay_engine::model::Item;

use crate::StoreError;

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

/// Approvals of plugins.
///
/// # Errors
///
/// A write that fails leaves everything as it was.
#[async_trait]
pub trait PluginStore: Send + Sync {
    /// The approvals of plugins.
    async fn approvals(&self) -> Result<Vec<Approval>, StoreError>;

    /// Stores an approval, in place of an older one of the same plugin, with what was shown, as JSON.
    async fn approve(&self, approval: Approval, shown: String, at: Timestamp) -> Result<(), StoreError>;

    /// The permissions that were shown when a plugin was approved; absent if it was not approved, or by an older program.
    async fn shown_at_approval(&self, id: &str) -> Result<Option<String>, StoreError>;

    /// Takes an approval back. False if the plugin was not approved.
    async fn revoke(&self, id: &str) -> Result<bool, StoreError>;
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
