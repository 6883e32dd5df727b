//! Playrelay scrobbles what people watch on their media servers to their trackers.
//!
//! The way of an event: [`web::ingress`] or [`realtime`] stores it in the [`inbox`], [`pipeline`] calls its source plugin
//! ([`playrelay_plugin_host`]) and the engine ([`playrelay_engine`]), stores what they decide ([`playrelay_store`]), and [`delivery`] sends
//! it to the trackers. `docs/architecture.md` describes the whole program.
#![deny(unsafe_code)]

pub mod app;
pub mod auth;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod delivery;
pub mod doctor;
pub mod exports;
pub mod imports;
pub mod inbox;
pub mod jobs;
pub mod live;
pub mod logging;
pub mod metadata;
pub mod metrics;
pub(crate) mod notify;
pub mod operations;
pub mod ownership;
pub mod pipeline;
pub mod platform;
pub mod plugin_audit;
pub mod realtime;
pub mod record;
pub mod replay;
pub mod web;
pub mod webhooks;
