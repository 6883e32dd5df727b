//! Inputs whose decisions share one transaction.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::pipeline::parsed_input::ParsedInput;

/// Requests in one transaction.
pub(crate) const MAX_BATCH: usize = 128;
/// The least time between the beginnings of two transactions: in a steady stream many decisions share one.
pub(crate) const COMMIT_INTERVAL: Duration = Duration::from_millis(25);

/// Takes what comes until a time, or until there is enough for one transaction.
pub(crate) async fn gather(
    queue: &mut mpsc::Receiver<ParsedInput>,
    batch: &mut Vec<ParsedInput>,
    until: Instant,
) {
    loop {
        let room = MAX_BATCH.saturating_sub(batch.len());
        // A closed queue gives nothing, and at once.
        match timeout_at(until, queue.recv_many(batch, room)).await {
            Ok(1..) => {}
            Ok(0) | Err(_) => return,
        }
    }
}
