//! Playrelay carries what people watch on their media servers to the trackers they keep.
//!
//! The way of an event: [`ingress`] or [`watch`] stores it, [`pipeline`] has it read by a source plugin ([`plugins`]), the pure
//! core ([`dispatch`]) decides what it means, [`state`] keeps that, and [`delivery`] tells the trackers.
//! `docs/architecture.md` has the whole house.
#![deny(unsafe_code)]

pub mod api;
pub mod arrivals;
pub mod artwork;
pub mod board;
pub mod cli;
pub mod clock;
pub mod config;
pub mod delivery;
pub mod dispatch;
pub mod doctor;
pub mod guard;
pub mod house;
pub mod ingress;
pub mod notes;
pub mod pipeline;
pub mod plugins;
pub mod private_file;
pub mod record;
pub mod replay;
pub mod secret;
pub mod server;
pub mod state;
pub mod watch;
