//! What is kept of a call.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::artifact::Digest;

/// What is kept of one call at most: its arguments, the answers of the host and its result together. Bytes of JSON.
pub const MAX_CALL_BYTES: usize = 1 << 20;

/// A call of the host to a guest, with all that the guest was told: enough to make it once more.
///
/// Values have the form of the contract: a record is an object with the names of the contract in snake case. A list of bytes that is text is
/// `{"$text": …}`, any other one `{"$base64": …}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedCall {
    /// When it was made, UTC.
    pub at: Timestamp,
    /// The plugin's id.
    pub plugin: String,
    /// The plugin's version.
    pub version: String,
    /// The digest of the component that was called.
    pub digest: Digest,
    /// The interface and the function: `sink.submit`.
    pub function: String,
    /// The arguments of the function, a list; null for none.
    pub arguments: Value,
    /// The time that it could compute. Milliseconds.
    pub cpu_ms: u32,
    /// What the guest asked the host, in order.
    pub host_calls: Vec<HostCall>,
    /// What came of it.
    pub result: CallResult,
}

/// A call of a guest to the host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostCall {
    /// The interface and the function: `http.send`.
    pub function: String,
    /// What it asked.
    pub arguments: Value,
    /// What the host said.
    pub answer: Value,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallResult {
    /// The guest returned this: a value or a failure of the contract.
    Returned(Value),
    /// It crashed, or exceeded a limit; the reason, for people.
    Failed(String),
}
