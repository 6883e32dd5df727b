//! Users whom no route names.

use async_trait::async_trait;
use playrelay_engine::play::Viewer;
use playrelay_engine::routing::users::{KnownUser, UserDecision};

use crate::StoreError;

/// Users whom no route named, and what a person decided about each.
///
/// # Errors
///
/// A write that fails leaves everything as it was.
#[async_trait]
pub trait UserStore: Send + Sync {
    /// Users whom no route named when they were seen, and what was said of them.
    async fn users(&self) -> Result<Vec<KnownUser>, StoreError>;

    /// Says what is to become of somebody's plays. False where they are not in the list.
    async fn set_user_decision(
        &self,
        source: &str,
        viewer: &Viewer,
        decision: UserDecision,
    ) -> Result<bool, StoreError>;

    /// A number that is another one after each change of the list of people.
    async fn users_version(&self) -> Result<i64, StoreError>;
}
