//! The HTTP server.
//!
//! - [`access`]: who may open the pages and the API
//! - [`api`] serves `/api/v1`
//! - [`ingress`] takes webhooks
//! - [`pages`]: what people see
//! - [`attempt_limiter`]: locks out clients that guess tokens and passwords
//! - [`headers`]: headers that protect every answer
//! - [`server`]: connections: time-outs, and a cap below the file descriptors
//! - [`standby`]: what a node refuses that does not own the household

pub mod access;
pub mod api;
pub mod attempt_limiter;
pub mod headers;
pub mod ingress;
pub mod pages;
pub mod server;
pub mod standby;
