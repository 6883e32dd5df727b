//! The store in SQLite: one file, write-ahead log, one writer with group commit.

mod copies;
mod file;
mod schema;

pub use copies::check as check_file;
pub(crate) use file::{beside, connect, copy, make_private, open_connection, size};
