//! Which node owns a household.
//!
//! Several nodes may share a database on a server. One of them owns the household: only that one processes its inputs and delivers its events.
//! The owner holds a lease, which lasts as long as the node renews itself. Each transaction of the owner checks the lease while it holds the
//! lease's row, so nothing that an earlier owner decides can be written after a later one has taken over.
//!
//! A file has one node, which owns it for good.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::{SharedOwner, StoreError};

/// Between two renewals of a node.
pub const RENEW_INTERVAL: Duration = Duration::from_secs(3);
/// A node that has not renewed itself for this long has lost what it owns to whoever claims it.
pub const LEASE_DURATION: Duration = Duration::from_secs(12);
/// A new owner leaves an attempt of the last one alone for this long: longer than a call of a tracker's plugin may take.
pub const ATTEMPT_GRACE: Duration = Duration::from_secs(45);

/// A node: one daemon with its data folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// A random name, which stays with the data folder.
    pub id: Arc<str>,
    /// How people know it: the host and its port.
    pub name: Arc<str>,
}

/// What became of a claim.
pub enum Claim {
    /// The node owns the household now: the store for its tasks.
    Owned(SharedOwner),
    /// Another node owns it.
    Standby {
        /// That node's name; absent while nobody can be sure who does.
        owner: Option<String>,
    },
}

/// The lease on the household, as any node sees it.
///
/// # Errors
///
/// A write that fails leaves everything as it was.
#[async_trait]
pub trait LeaseStore: Send + Sync {
    /// Says that a node works. Without it for [`LEASE_DURATION`], others may take over what it owns.
    async fn renew(&self, node: &Node) -> Result<(), StoreError>;

    /// Takes the household for a node that works, where it is free, was the node's own, or its owner is gone. What a node takes from
    /// another it takes only after having worked for [`LEASE_DURATION`] without a gap: where the database itself was away, the last owner goes on.
    /// The last owner may be making an attempt: each delivery whose attempt has no known end becomes due [`ATTEMPT_GRACE`] after `now`.
    async fn claim(&self, node: &Node, now: Timestamp) -> Result<Claim, StoreError>;
}

/// The lease on the household, as its owner has it. Each write of the owner fails with [`StoreError::LeaseLost`] once another node has taken over.
///
/// # Errors
///
/// A write that fails leaves everything as it was.
#[async_trait]
pub trait OwnedLease: Send + Sync {
    /// Whether the household is still the owner's.
    async fn is_held(&self) -> Result<bool, StoreError>;

    /// Becomes true once a write has failed because the lease was lost.
    fn lost(&self) -> watch::Receiver<bool>;

    /// Gives the household back: the next node need not wait. Nothing can be written after it.
    async fn release(&self) -> Result<(), StoreError>;
}
