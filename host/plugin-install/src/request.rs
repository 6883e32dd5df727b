//! What all requests to web servers and registries have in common.

use std::time::Duration;

/// The longest without a byte.
pub(crate) const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest until there is a connection.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The name of this program.
pub(crate) const USER_AGENT: &str = concat!("playrelay/", env!("CARGO_PKG_VERSION"));
