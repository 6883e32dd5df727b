//! Sealed secrets, by name. Only the [`vault`](crate::vault) opens them.

use async_trait::async_trait;

use crate::StoreError;

/// Sealed secrets.
///
/// # Errors
///
/// A write that fails leaves everything as it was.
#[async_trait]
pub trait SecretStore: Send + Sync {
    /// The sealed secrets under a name.
    async fn secret(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Whether any secrets are sealed.
    async fn has_secrets(&self) -> Result<bool, StoreError>;

    /// Stores sealed secrets under a name. Durable when it returns.
    async fn put_secret(&self, name: &str, sealed: Vec<u8>) -> Result<(), StoreError>;

    /// The same where there are none yet; false where there are.
    async fn insert_secret(&self, name: &str, sealed: Vec<u8>) -> Result<bool, StoreError>;

    /// Stores sealed secrets in the place of others; false where these are not there any more.
    async fn replace_secret(&self, name: &str, before: Vec<u8>, sealed: Vec<u8>) -> Result<bool, StoreError>;

    /// Forgets the sealed secrets under a name.
    async fn delete_secret(&self, name: &str) -> Result<(), StoreError>;
}
