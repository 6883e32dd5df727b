//! Ids and pictures of titles, from catalogues.
//!
//! - [`resolver`]: the ids of a title without any
//! - [`mapper`], [`anime`]: what catalogues call a title, and its numbers
//! - [`artwork`]: pictures, fetched once and kept

pub mod anime;
pub mod artwork;
pub mod mapper;
pub mod resolver;

/// What tells which title an item is.
#[derive(Clone)]
pub struct TitleLookup {
    /// Maps what servers call otherwise.
    pub mapper: mapper::TitleMapper,
    /// Knows the ids of items that come without; absent if none is configured.
    pub catalogue: Option<resolver::MetadataResolver>,
}
