//! Connections to media servers: opened as a source plugin says, kept alive, opened again after a failure, and read.
//!
//! - [`connection`]: the life of one source's connection
//! - [`client`]: what a plugin and an account make of a server's messages
//! - `transport`: one interface to a websocket, an event stream and a poll
//! - [`dedup`]: which reports are worth storing
//! - [`catch_up`]: what happened while there was no connection
//! - [`registry`]: the connections of all sources
//! - [`probe`]: whether a server can be connected to
//! - [`status`]: the state of a connection, for people
//!
//! Reports go into the inbox and are treated like webhooks from there on: a slow tracker never holds up a connection.

pub mod catch_up;
pub mod client;
pub mod connection;
pub mod dedup;
pub mod probe;
pub mod registry;
pub mod status;
mod transport;

pub use transport::ConnectionError;
