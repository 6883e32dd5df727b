//! What pipelines process: stored inputs of all kinds.
//!
//! - [`input`]: webhooks and reports, as they are stored
//! - [`signal`]: wakes a pipeline, and says when a source is busy

pub mod input;
pub mod signal;
