//! The statements, one file for each area. They are the same for both databases.

mod access;
mod accounts;
mod deliveries;
mod inbox;
mod job_writes;
mod jobs;
mod leases;
mod library;
mod mappings;
mod outbox;
mod outbox_commands;
pub mod play_rows;
mod plays;
mod plugins;
pub mod rows;
mod secrets;
mod titles;
mod users;
mod versions;
