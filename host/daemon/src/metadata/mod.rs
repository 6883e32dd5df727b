//! What a catalogue knows of titles.
//!
//! - [`resolver`]: the ids of a title without any
//! - [`artwork`]: pictures, fetched once and kept

pub mod artwork;
pub mod resolver;
