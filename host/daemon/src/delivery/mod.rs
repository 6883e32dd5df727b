//! Delivers events to trackers.
//!
//! - [`worker`]: the events of one tracker account, one at a time
//! - `watchlist`: an event that removes a title from a watchlist

mod outcome;
mod watchlist;
pub mod worker;
