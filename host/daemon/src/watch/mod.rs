//! Servers are listened to: what a source plugin asked for is dialled, kept alive, opened again when it breaks, and read.
//!
//! - [`watcher`]: the life of one source's connection
//! - [`ear`]: what a plugin and an account make of a server's words
//! - `line`: what is listened to, in one form for a websocket, an event stream and a poll
//! - [`digest`]: what of all that is heard is worth storing
//! - [`catch_up`]: what happened while nobody listened
//! - [`trial`]: whether a server can be listened to
//! - [`standing`]: how it stands, for people
//!
//! What is heard goes into the inbox as reports, so from there on it is no different from a webhook: a tracker that is slow
//! never holds a connection up.

pub mod catch_up;
pub mod digest;
pub mod ear;
mod line;
pub mod standing;
pub mod trial;
pub mod watcher;

pub use line::Broken;
