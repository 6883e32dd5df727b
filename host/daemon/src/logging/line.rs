//! A line of the log.

use jiff::Timestamp;
use serde::Serialize;

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LogLine {
    /// Grows by one with each line of this run.
    pub id: u64,
    /// When it was logged, UTC.
    pub at: Timestamp,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: &'static str,
    /// The part of the program.
    pub module: String,
    /// The text.
    pub message: String,
    /// The values that stand in the line, by their names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<(String, String)>,
    /// The event that the line belongs to; absent where it belongs to none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<i64>,
}
