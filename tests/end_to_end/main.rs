//! Playrelay from end to end: the real binary, or its plugin host, against fake servers.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod api;
mod api_access;
mod api_contract;
mod api_docs;
mod architecture;
mod attacks;
mod captured_payloads;
mod captured_stories;
mod catalogues;
mod catch_up;
mod chaos;
mod chromium;
mod config_errors;
mod config_messages;
mod damaged_files;
mod delivery;
mod docs;
mod doctor;
mod enrichment;
mod first_steps;
mod golden;
mod import_cycles;
mod ingress;
mod javascript;
mod login;
mod multi_server;
mod now_playing;
mod openid;
mod pages;
mod plugin_directory;
mod progress_flood;
mod proxies;
mod published_examples;
mod rare_requests;
mod real_clients;
mod realtime;
mod recording;
mod replay;
mod sandbox;
mod scrobbling;
mod scrobbling_pitfalls;
mod secrets;
mod server_logins;
mod sessions;
mod token_refresh;
mod tracker_faults;
mod tracker_kinds;
mod tracker_outage;
mod trackers;
mod troubles;
mod user_routing;
mod watchlists;
mod webhook_registration;
