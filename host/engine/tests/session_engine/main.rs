//! The session engine: tables of stories, properties over generated sequences of reports, and what is heard of servers.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod boundaries;
mod listening;
mod model;
mod plays;
mod properties;
mod routes;
mod rules;
mod story;
mod tables;
mod transcript;
