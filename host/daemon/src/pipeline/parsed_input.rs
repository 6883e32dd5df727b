//! An input after its plugin has read it.

use playrelay_engine::model::Report;
use playrelay_engine::timeline::{Step, Verdict};
use playrelay_store::InboxRow;
use tokio::sync::OwnedSemaphorePermit;

use crate::inbox::input::InputOrigin;

/// An input on its way to the committer.
pub struct ParsedInput {
    /// The request.
    pub row: InboxRow,
    /// The reports of the plugin, or the verdict if it gave none.
    pub result: Result<Vec<Report>, Verdict>,
    /// The steps so far.
    pub steps: Vec<Step>,
    /// How it was heard; absent for a webhook.
    pub heard_by: Option<InputOrigin>,
    /// Makes room for another one when it is dropped: for one more, and for so many KiB.
    pub room: Vec<OwnedSemaphorePermit>,
}
