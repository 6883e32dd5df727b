//! Playrelay from end to end: the real binary, or its plugin host, against fake servers.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod attacks;
mod captured_stories;
mod catalogues;
mod catch_up;
mod chaos;
mod commands;
mod credentials;
mod damaged_files;
mod delivery;
mod doctor;
mod evening;
mod evenings;
mod first_steps;
mod golden;
mod house_rules;
mod ingress;
mod javascript;
mod login;
mod looks;
mod payloads;
mod people;
mod plugin_directory;
mod provisioning;
mod published_examples;
mod rare_requests;
mod real_clients;
mod recording;
mod replay;
mod sandbox;
mod secrets;
mod server_logins;
mod sessions;
mod stories;
mod storm;
mod tracker_faults;
mod tracker_kinds;
mod trackers;
mod troubles;
mod vectors;
mod watchers;
mod watching;
mod watchlists;
