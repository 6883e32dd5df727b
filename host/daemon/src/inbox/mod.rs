//! Stored inputs of all kinds, which pipelines process.
//!
//! - [`input`]: webhooks and reports, as they are stored
//! - [`signal`]: wakes a pipeline, and says when a source is busy

pub mod input;
pub mod signal;

use std::time::Duration;

/// The pause between two attempts at a store that fails.
pub(crate) const STORE_RETRY_DELAY: Duration = Duration::from_secs(1);
