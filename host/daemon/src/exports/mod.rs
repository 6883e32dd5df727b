//! Files for other programs.
//!
//! - [`history`]: plays and ratings, in the forms that other services read
//! - [`now_playing`]: what plays now
//! - [`watchlist_removals`]: what was removed from watchlists

pub mod history;
pub mod now_playing;
pub mod watchlist_removals;
