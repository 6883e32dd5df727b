//! The parts that Jellyfin and Emby share. Both descend from MediaBrowser, and both still send its `BaseItemDto`.
//!
//! Facts: the two servers' API documents and sources, and messages captured from real servers.

pub mod enrich;
mod flavor;
pub mod history;
pub mod identify;
pub mod item;
pub mod login;
pub mod realtime;
pub mod segments;
pub mod session_dto;
pub mod values;
pub mod webhook_registration;

pub use flavor::Flavor;
