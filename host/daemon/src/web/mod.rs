//! The HTTP server.
//!
//! - [`api`] serves `/api/v1`
//! - [`ingress`] takes webhooks
//! - [`attempt_limiter`]: locks out clients that guess tokens and passwords
//! - [`server`]: connections: time-outs, and a cap below the file descriptors

pub mod api;
pub mod attempt_limiter;
pub mod ingress;
pub mod server;
