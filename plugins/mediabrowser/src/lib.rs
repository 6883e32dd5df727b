//! What Jellyfin and Emby have in common. Both descend from MediaBrowser, and both still send its `BaseItemDto`.
//!
//! Facts: the two servers' API documents and sources, and messages captured from real servers.

mod family;
pub mod history;
pub mod item;
pub mod login;
pub mod look_up;
pub mod message;
pub mod provision;
pub mod realtime;
pub mod segments;
pub mod sessions;
pub mod text;

pub use family::Family;
