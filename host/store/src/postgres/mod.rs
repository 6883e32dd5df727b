//! PostgreSQL: the same tables as in SQLite, on a server that several machines reach.

mod listener;
mod schema;
mod server;

pub(crate) use listener::{CHANNEL, listen};
pub(crate) use schema::migrate;
pub use server::PostgresServer;
