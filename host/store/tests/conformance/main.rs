//! What every store must do: each test runs on SQLite and on PostgreSQL.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod changes;
mod copies;
mod counts;
mod deliveries;
mod households;
mod leases;
mod mappings;
mod place;
mod plugins;
mod writes;
