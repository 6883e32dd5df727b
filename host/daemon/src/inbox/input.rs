//! Inputs in the inbox: webhooks as they were received, and messages of a connection, which are stored as reports: it
//! cannot be read a second time, since a plugin that listens remembers what it has heard, and asks the server.

use jiff::Timestamp;
use playrelay_engine::code::Code;
use playrelay_engine::model::Report;
use playrelay_engine::timeline::{Outcome, Verdict};
use playrelay_plugin_host::capabilities::WebhookRequest;
use playrelay_store::{InboxRow, Received, StoreError};
use serde::{Deserialize, Serialize};

/// An input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Input {
    /// Reports of a connection or a history.
    Observed(Observed),
    /// A webhook.
    Webhook(WebhookRequest),
}

/// Reports of a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// The origin of the reports.
    #[serde(rename = "heard_by")]
    pub by: InputOrigin,
    /// The reports, in order.
    pub reports: Vec<Report>,
}

/// The ways to hear of a play that nobody sent us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InputOrigin {
    /// A watcher was connected.
    Watching,
    /// The server's own history was read.
    History,
}

impl InputOrigin {
    /// The name, as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Watching => "watching",
            Self::History => "history",
        }
    }
}

/// An input as it was stored.
///
/// # Errors
///
/// Gives the verdict `malformed` where the row was written by a program that this one does not understand.
pub fn stored(row: &InboxRow) -> Result<Input, Verdict> {
    serde_json::from_slice(&row.received.request)
        .map_err(|error| Verdict::new(Outcome::Malformed, Code::StoredRequest, error.to_string()))
}

/// What was heard, as it is stored.
///
/// # Errors
///
/// It cannot be written down.
pub fn observed(
    source: &str,
    by: InputOrigin,
    reports: Vec<Report>,
    at: Timestamp,
) -> Result<Received, StoreError> {
    let heard = Input::Observed(Observed { by, reports });
    let request = serde_json::to_vec(&heard).map_err(|error| StoreError::Unwritable(error.to_string()))?;
    Ok(Received { source: source.to_owned(), at, request, person: None })
}
