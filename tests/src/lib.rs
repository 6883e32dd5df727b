//! Support for end-to-end tests: fake servers and trackers, and a harness for the real binary.
//!
//! - [`tls_proxy`]: a certificate of its own before a server
//! - [`docker_registry`], [`signers`]: a registry of Debian's, and the keys of authors
//! - [`server`]: an HTTP server that can be cut off, at any moment and in the middle of an answer
//! - [`service`]: what all fake services share; [`catalogue`]: the titles that they know
//! - [`clock`]: a clock that tests set
//! - [`sockets`]: the websockets of a fake; [`fake_playback`]: who watches what, in the words of each server
//! - [`faults`]: answers that a fake gives instead of its own
//! - [`fake_trakt`], [`fake_simkl`], [`fake_mdblist`], [`fake_tmdb`], [`fake_plex_tv`], [`fake_emby_connect`], [`fake_plex`],
//!   [`fake_mediabrowser`], [`fake_kodi`]:
//!   services that behave as the real ones do
//! - [`fake_push_services`], [`fake_mail_server`]: where notifications go
//! - [`device_login`], [`user_library`]: logins with a code, and what a user keeps, of several of them
//! - [`plex_webhook`], [`jellyfin_webhook`], [`emby_webhook`]: messages as these servers send them
//! - [`simulation`]: people who watch what they like and how they like, on three servers
//! - [`webhook_scenario`]: a home with all three servers, whose clock the test moves
//! - [`harness`]: starts the real daemon, kills it, starts it again
//! - [`author_project`]: projects of authors, as `playrelay plugin new` begins them; [`example_plugin`]: the plugins of `plugins/examples`, as their authors build them
//! - [`warm_cache`]: the bundled plugins, compiled once for all homes
//! - [`exchanges`], [`contracts`]: what fakes and clients said to each other, held against what the services publish
//! - [`load`]: a load driver, and what ingest is measured against

#![forbid(unsafe_code)]

pub mod author_project;
pub mod binary;
pub mod browser;
pub mod catalogue;
pub mod clock;
pub mod contracts;
pub mod daemon;
pub mod deadline;
mod device_keys;
pub mod device_login;
pub mod dice;
mod disconnect;
pub mod docker_registry;
pub mod emby_webhook;
pub mod example_plugin;
pub mod exchanges;
pub mod fake_emby_connect;
pub mod fake_kodi;
pub mod fake_mail_server;
pub mod fake_mdblist;
pub mod fake_mediabrowser;
pub mod fake_oidc;
pub mod fake_playback;
pub mod fake_plex;
pub mod fake_plex_tv;
pub mod fake_push_services;
pub mod fake_simkl;
pub mod fake_tmdb;
pub mod fake_trakt;
pub mod faults;
pub mod harness;
pub mod jellyfin_webhook;
pub mod load;
pub mod plex_webhook;
pub mod server;
pub mod service;
pub mod signers;
pub mod simulation;
pub mod sockets;
pub mod tls_proxy;
pub mod user_library;
pub mod warm_cache;
pub mod webhook_scenario;
