//! Unrouted users.

use async_trait::async_trait;
use playrelay_engine::play::Viewer;
use playrelay_engine::routing::users::{KnownUser, UserDecision};

use crate::StoreError;

/// Users that no route mentions, and a person's decision about each.
///
/// # Errors
///
/// A write that fails leaves everything as it was.
#[async_trait]
pub trait UserStore: Send + Sync {
    /// Users that no route mentioned when they were seen, with the decisions.
    async fn users(&self) -> Result<Vec<KnownUser>, StoreError>;

    /// Stores a person's decision about a user's plays. False if the user is not in the list.
    async fn set_user_decision(
        &self,
        source: &str,
        viewer: &Viewer,
        decision: UserDecision,
    ) -> Result<bool, StoreError>;

    /// A number that is another one after each change of the list of people.
    async fn users_version(&self) -> Result<i64, StoreError>;
}
