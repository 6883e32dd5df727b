//! Delivers events to trackers.
//!
//! - [`worker`]: the events of one tracker account, one at a time
//! - `batch`: late events, many at a time
//! - `reaction`: what follows from a failure
//! - `watchlist`: an event that removes a title from a watchlist

mod batch;
mod outcome;
mod reaction;
mod watchlist;
pub mod worker;
