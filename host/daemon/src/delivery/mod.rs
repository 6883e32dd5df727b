//! Trackers are told.
//!
//! - [`lane`]: one tracker account's events, one at a time
//! - `unlist`: an event that takes a title off a watchlist
//! - [`removals`]: the ledger of what was taken off watchlists
//! - [`logins`]: the one owner of all logins, and their refresh
//! - [`guided`]: a login by code of the plugin's own
//! - [`device`]: a login with a code that the user enters elsewhere

pub mod device;
pub mod guided;
pub mod lane;
pub mod logins;
pub mod removals;
mod unlist;
