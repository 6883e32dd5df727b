//! `sink-batch`

use playrelay_engine::event::Receipt;
use wasmtime::Store;

use crate::bindings::exports::playrelay::plugin::sink_batch as contract;
use crate::bindings::exports::playrelay::plugin::sink_batch::Guest;
use crate::call_state::CallState;
use crate::capabilities::capability::Capability;
use crate::capabilities::sink;
use crate::capabilities::sink::SinkEvent;
use crate::convert;
use crate::failure::Failure;
use crate::fault::{Fault, FaultKind};
use crate::limits::Budget;
use crate::recording::functions::guest_call;

/// Tells a tracker many things at once.
pub enum SinkBatch {}

/// What became of one event of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchResult {
    /// The tracker's answer.
    Receipt(Receipt),
    /// It failed.
    Failure(Failure),
    /// It was not sent, or nobody can tell: it is sent by [`Sink`](crate::capabilities::Sink), as one that may have been applied.
    Alone,
}

impl Capability for SinkBatch {
    type Interface = Guest;
    const BUDGET: Budget = Budget::BATCH;
    type Input = Vec<SinkEvent>;
    type Output = Result<Vec<BatchResult>, Failure>;

    async fn call(
        guest: &Guest,
        store: &mut Store<CallState>,
        input: Self::Input,
    ) -> wasmtime::Result<Self::Output> {
        let events: Vec<_> = input.iter().filter_map(SinkEvent::to_guest).collect();
        let results = match guest_call!(store, "sink-batch.submit-batch", guest.call_submit_batch(&events)) {
            Ok(results) => results,
            Err(failure) => return Ok(Err(convert::failure(failure))),
        };
        if results.len() != input.len() {
            let text = format!("it returned {} results for {} events", results.len(), input.len());
            return Err(Fault::new(FaultKind::Output, text).into());
        }
        Ok(Ok(results.into_iter().map(result).collect()))
    }
}

fn result(result: contract::BatchResult) -> BatchResult {
    match result {
        contract::BatchResult::Receipt(receipt) => BatchResult::Receipt(sink::receipt(receipt)),
        contract::BatchResult::Failure(failure) => BatchResult::Failure(convert::failure(failure)),
        contract::BatchResult::Alone => BatchResult::Alone,
    }
}
