//! Stored inputs of all kinds, which pipelines process.
//!
//! - [`ingress_load`]: how busy ingress is
//! - [`input`]: webhooks and reports, as they are stored
//! - [`request_inbox`]: where webhooks are stored, also while the database is away

pub mod ingress_load;
pub mod input;
pub mod request_inbox;

use std::time::Duration;

/// The pause between two attempts at a store that fails.
pub(crate) const STORE_RETRY_DELAY: Duration = Duration::from_secs(1);
