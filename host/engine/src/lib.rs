//! The core: what a media server said becomes what a person watched.
//!
//! Pure and synchronous. Nothing here reads a clock, touches a file or awaits: time comes in with each report, and
//! what should happen comes out as data. So it can be tested by properties, replayed, and run again after a crash
//! with the same result.
//!
//! - [`model`]: items, reports, users; the vocabulary
//! - [`play`]: one play of one item by one user, and its identity
//! - [`session`]: the engine that turns reports into plays; its rules are in `turn`, those for ticks by hand in `mark`,
//!   those for what a server has in its own history in `history`
//! - [`completion`]: the policy that says whether a play is a watch
//! - [`route`]: from where to where, and for whom
//! - [`event`]: what trackers are sent, and how they took it
//! - [`outbox`], [`outbox_rules`]: what has become of each of these, and the rules for it
//! - [`routing`]: who is told of it
//! - [`filter`]: what a route leaves out
//! - [`people`]: whose plays are whose, as a person has said
//! - [`presence`]: what is playing now, for other programs
//! - [`heartbeat`]: word, again and again, that something still plays
//! - [`removal`]: what goes off a watchlist
//! - [`verdict`]: how every input ends, and why
//! - [`policy`]: the numbers that decide

pub mod completion;
pub mod event;
pub mod filter;
pub mod heartbeat;
mod history;
mod ledger;
mod mark;
pub mod model;
pub mod outbox;
pub mod outbox_rules;
pub mod people;
pub mod play;
pub mod policy;
pub mod presence;
pub mod removal;
pub mod route;
pub mod routing;
pub mod session;
mod turn;
pub mod verdict;
