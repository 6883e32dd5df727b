//! Support for end-to-end tests: fake servers and trackers, and a harness for the real binary.
//!
//! - [`server`]: an HTTP server that can be cut off, at any moment and in the middle of an answer
//! - [`clock`]: a clock that tests set
//! - [`faults`]: answers that a fake gives instead of its own
//! - [`fake_trakt`], [`fake_plex`]: services that behave as the real ones do
//! - [`plex_webhook`]: messages as a Plex server sends them
//! - [`harness`]: starts the real daemon, kills it, starts it again
//! - [`load`]: a load driver, and what ingest is measured against

#![forbid(unsafe_code)]

pub mod clock;
pub mod fake_plex;
pub mod fake_trakt;
pub mod faults;
pub mod harness;
pub mod load;
pub mod plex_webhook;
pub mod server;
