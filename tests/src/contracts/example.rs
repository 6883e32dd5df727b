//! An answer that a document shows.

use serde_json::Value;

/// A request or a response with its body.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// The verb.
    pub method: String,
    /// Without parameters of the query: `/sync/ratings/{type}/{rating}`.
    pub template: String,
    /// The status of a response; absent for a request.
    pub status: Option<u16>,
    /// The body.
    pub body: Value,
}
