//! How a call of a tracker's plugin ended.

use playrelay_engine::event::Receipt;
use playrelay_plugin_host::failure::Failure;
use playrelay_plugin_host::fault::Fault;

/// The result of a call for an event.
pub type CallOutcome = Result<Result<Receipt, Failure>, Fault>;
