//! Small parts that the crates of the host share.
//!
//! - [`authorities`]: whose certificates are believed
//! - [`backoff`]: how long to wait after failures
//! - [`clock`]: the time, which tests can move
//! - [`cooldown`]: a pause after a failure
//! - [`lock`]: locks that survive a panic
//! - [`private_file`]: files that only their owner may read
//! - [`secret`]: values that must not be seen
#![forbid(unsafe_code)]

pub mod authorities;
pub mod backoff;
pub mod clock;
pub mod cooldown;
pub mod lock;
pub mod private_file;
pub mod secret;
