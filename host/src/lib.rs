//! Playrelay carries what people watch on their media servers to the trackers they keep.
//!
//! The way of an event: [`ingress`] stores it, [`pipeline`] has it read by a source plugin ([`plugins`]), the pure
//! core ([`dispatch`]) decides what it means, [`state`] keeps that, and [`delivery`] tells the trackers.
//! `docs/architecture.md` has the whole house.
#![deny(unsafe_code)]

pub mod clock;
pub mod dispatch;
pub mod plugins;
pub mod secret;
