//! What a transaction of an owner checks first.

use std::sync::Arc;

/// The lease under which an owner writes, on a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// The node that owns the household.
    pub node: Arc<str>,
    /// How often the lease has changed hands.
    pub epoch: i64,
}
