//! The store in SQLite: one file, write-ahead log, one writer with group commit.

mod access;
mod accounts;
mod copies;
mod database;
mod deliveries;
mod household;
mod inbox;
mod job_writes;
mod jobs;
mod library;
mod mappings;
mod outbox;
mod outbox_commands;
mod play_rows;
mod plays;
mod plugins;
mod rows;
mod schema;
mod secrets;
mod titles;
mod users;
mod versions;
mod writer;

pub use copies::check as check_file;
pub use database::SqliteStore;
