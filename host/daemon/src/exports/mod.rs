//! Files for other programs.
//!
//! - [`now_playing`]: what plays now
//! - [`watchlist_removals`]: what was removed from watchlists

pub mod now_playing;
pub mod watchlist_removals;
