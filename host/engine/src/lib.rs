//! The core: what a media server said becomes what a person watched.
//!
//! Pure and synchronous. Nothing here reads a clock, touches a file or awaits: time comes in with each report, and
//! what should happen comes out as data. So it can be tested by properties, replayed, and run again after a crash
//! with the same result.
//!
//! - [`model`]: items, reports, users; the vocabulary
//! - [`play`]: one play of one item by one user, and its identity
//! - [`state`]: the plays that are known, and what a report changes of them
//! - [`transition`]: such a change, as data
//! - [`rules`]: the rules of a change: of playback, of marks by hand, of a server's own history, and what counts as watched
//! - [`routing`]: which route accepts an event, and what its tracker is sent
//! - [`event`]: what trackers are sent, and how they took it
//! - [`mod@outbox`], [`outbox_rules`]: what has become of each of these, and the rules for it
//! - [`now_playing`]: what is playing now, for other programs
//! - [`heartbeat`]: events that repeat that something still plays
//! - [`notifications`]: what a person has to know, and when it is said
//! - [`watchlist`]: what is removed from a watchlist
//! - [`library`]: what a person keeps: titles, plays, ratings, lists
//! - [`mapping`]: what servers call a title, and what catalogues call it
//! - [`retention`]: how long inputs are kept
//! - [`timeline`], [`code`]: how every input ends, and the steps that led there
//! - [`policy`]: the numbers that decide
#![forbid(unsafe_code)]

pub mod code;
pub mod event;
pub mod heartbeat;
pub mod library;
pub mod mapping;
pub mod model;
pub mod notifications;
pub mod now_playing;
pub mod outbox;
pub mod outbox_rules;
pub mod play;
mod play_id;
pub mod policy;
pub mod retention;
pub mod routing;
pub mod rules;
mod server_plays;
pub mod state;
pub mod timeline;
pub mod transition;
mod viewer_plays;
pub mod watchlist;
