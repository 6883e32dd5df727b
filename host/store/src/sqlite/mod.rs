//! The store in SQLite: one file, write-ahead log, one writer with group commit.

mod accounts;
mod commands;
mod database;
mod inbox;
mod outbox;
mod people;
mod plays;
mod plugins;
mod rows;
mod schema;
mod secrets;
mod writer;

pub use database::Sqlite;
