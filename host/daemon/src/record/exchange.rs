//! One exchange, in the form that the contract check of the tests reads.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A request and its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// The service, by the id of its plugin.
    pub service: String,
    /// The verb.
    pub method: String,
    /// With its query, without the server's address.
    pub path: String,
    /// The body: JSON, a form as an object, or other text; null for an empty one.
    pub request: Value,
    /// The status of the answer; 0 if the server closed the connection without an answer.
    pub status: u16,
    /// The body of the answer: JSON, or other text; null for an empty one.
    pub answer: Value,
    /// Whether a test has broken the answer on purpose.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_faulty: bool,
}
