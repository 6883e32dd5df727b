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
    async fn sealed(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Whether any secrets are sealed.
    async fn has_sealed(&self) -> Result<bool, StoreError>;

    /// Stores sealed secrets under a name. Durable when it returns.
    async fn seal(&self, name: &str, sealed: Vec<u8>) -> Result<(), StoreError>;

    /// The same where there are none yet; false where there are.
    async fn seal_new(&self, name: &str, sealed: Vec<u8>) -> Result<bool, StoreError>;

    /// Forgets the sealed secrets under a name.
    async fn unseal(&self, name: &str) -> Result<(), StoreError>;
}
