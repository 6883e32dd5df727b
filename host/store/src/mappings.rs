//! Mappings of titles.

use async_trait::async_trait;
use jiff::Timestamp;
use playrelay_engine::mapping::TitleMapping;

use crate::StoreError;

/// A mapping that is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredMapping {
    /// Its number.
    pub id: i64,
    /// When it was made, UTC.
    pub created_at: Timestamp,
    /// What it maps.
    pub mapping: TitleMapping,
}

/// What a person keeps for titles.
#[async_trait]
pub trait MappingStore: Send + Sync {
    /// All mappings, the oldest first.
    async fn mappings(&self) -> Result<Vec<StoredMapping>, StoreError>;

    /// Keeps a mapping, in the one that there is for its title, or as a new one. Gives its number; absent where there are so many
    /// that no new one is taken.
    async fn add_mapping(&self, mapping: TitleMapping, now: Timestamp) -> Result<Option<i64>, StoreError>;

    /// Replaces a mapping. False where it is not there.
    async fn replace_mapping(&self, id: i64, mapping: TitleMapping) -> Result<bool, StoreError>;

    /// Forgets a mapping. False where it is not there.
    async fn remove_mapping(&self, id: i64) -> Result<bool, StoreError>;

    /// A number that is another one after each change of the mappings.
    async fn mappings_version(&self) -> Result<i64, StoreError>;
}
