//! Playrelay carries what people watch on their media servers to the trackers they keep.
//!
//! The way of an event: [`ingress`] or [`watch`] stores it, [`pipeline`] has it read by a source plugin ([`playrelay_plugin_host`]), the pure
//! core ([`playrelay_engine`]) decides what it means, [`playrelay_store`] keeps that, and [`delivery`] tells the trackers.
//! `docs/architecture.md` has the whole house.
#![deny(unsafe_code)]

pub mod api;
pub mod arrivals;
pub mod artwork;
pub mod board;
pub mod cli;
pub mod config;
pub mod delivery;
pub mod doctor;
pub mod guard;
pub mod house;
pub mod ingress;
pub mod pipeline;
pub mod record;
pub mod replay;
pub mod server;
pub mod watch;
