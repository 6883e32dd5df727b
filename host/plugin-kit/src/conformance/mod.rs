//! What any source, any sink and any notifier must survive. The inputs are made of a plugin's own tests: each is spoiled in many ways.
//!
//! - `source`: messages that are cut, empty, huge or nonsense give reports or an error, the same each time, and never a fault
//! - `report`: what they found
//! - `sink`: of sinks and notifiers: each failure of a service gives the failure of the contract that the host reacts to in the right way

mod report;
mod sink;
mod source;

pub use report::ConformanceReport;

use crate::KitError;
use crate::case::{Call, Case};
use crate::subject::Subject;

/// Runs the suites that fit the tests of a plugin.
///
/// # Errors
///
/// The settings of a test do not fit the manifest.
pub async fn run(subject: &Subject, cases: &[Case]) -> Result<ConformanceReport, KitError> {
    let mut report = ConformanceReport::default();
    for case in cases {
        match &case.call {
            Call::Webhook(request) => source::webhook(subject, case, request, &mut report).await?,
            Call::Messages(texts) => source::messages(subject, case, texts, &mut report).await?,
            Call::Sink(_) | Call::Batch(_) | Call::Notify(_) => {
                sink::faults(subject, case, &mut report).await?;
            }
            Call::Enrich(_) | Call::Check => {}
        }
    }
    if report.skipped_calls > 0 {
        let text =
            format!("{} calls were not made: the plugin was paused after its faults", report.skipped_calls);
        report.faults.push(text);
    }
    Ok(report)
}
