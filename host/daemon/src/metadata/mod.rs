//! Ids and pictures of titles, from catalogues.
//!
//! - [`resolver`]: the ids of a title without any
//! - [`artwork`]: pictures, fetched once and kept

pub mod artwork;
pub mod resolver;
