//! Stored inputs of all kinds, which pipelines process.
//!
//! - [`input`]: webhooks and reports, as they are stored
//! - [`signal`]: wakes a pipeline, and says when a source is busy

pub mod input;
pub mod signal;
