//! Delivers events to trackers.
//!
//! - [`worker`]: the events of one tracker account, one at a time
//! - `batch`: late events, many at a time; `batch_state`: how many, and which not
//! - `reaction`: what follows from a failure
//! - `watchlist`: an event that removes a title from a watchlist

mod batch;
mod batch_state;
mod outcome;
mod reaction;
mod watchlist;
pub mod worker;
