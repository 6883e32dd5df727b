//! The rules of a change of plays. They read what is known, and give a transition.
//!
//! - `playback`: a report of playback
//! - `mark`: an item that was marked as watched by hand
//! - `history`: a row of a server's own history
//! - `watched`: whether a play counts as watched
//! - `content`: content that never counts
//! - `builder`: a transition that is being built

pub(crate) mod builder;
pub(crate) mod content;
pub(crate) mod history;
mod mark;
pub(crate) mod playback;
pub mod watched;
