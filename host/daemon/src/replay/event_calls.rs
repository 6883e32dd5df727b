//! The calls that were made for one event, as its bundle holds them.

use std::io;
use std::sync::{Arc, Mutex};

use playrelay_plugin_host::capabilities::{Webhook, WebhookInput};
use playrelay_plugin_host::plugin::CallTarget;
use playrelay_plugin_host::ports::CallRecorder;
use playrelay_plugin_host::recording::RecordedCall;
use playrelay_store::InboxRow;
use playrelay_util::lock::lock;
use serde_json::Value;

use crate::app::App;
use crate::delivery::worker::event_id;
use crate::inbox::input;
use crate::inbox::input::Input;
use crate::record::Recorder;
use crate::record::call_redaction::redacted_call;
use crate::record::pseudonym::PseudonymKey;

/// The functions that bring an event to a tracker.
const SUBMISSIONS: [&str; 2] = ["sink.submit", "sink-batch.submit-batch"];

/// The calls of an event, redacted: that which reads its webhook, made now, and those to trackers that were recorded when they were made.
/// `deliveries` are the ids of its rows in the outbox.
///
/// # Errors
///
/// The record cannot be read, or the system has no random numbers.
pub async fn event_calls(app: &App, row: &InboxRow, deliveries: &[i64]) -> io::Result<Vec<RecordedCall>> {
    let key = PseudonymKey::random()?;
    // The bundle leaves a webhook out that cannot be redacted.
    let read = webhook_calls(app, row).await.into_iter().filter_map(|call| redacted_call(call, &key).ok());
    let recorded = Recorder::new(&app.config.server.data_dir).calls()?;
    let of_event = |call: &RecordedCall| {
        SUBMISSIONS.contains(&call.function.as_str())
            && submits(&call.arguments, &app.installation, deliveries)
    };
    Ok(read.chain(recorded.into_iter().filter(of_event)).collect())
}

/// Reads the webhook of an event once more. Gives no call if the event is not a webhook, or if its plugin does not serve.
async fn webhook_calls(app: &App, row: &InboxRow) -> Vec<RecordedCall> {
    let source = &row.received.source;
    let (Ok(Input::Webhook(request)), Some((plugin, target))) = (input::stored(row), app.plugin(source))
    else {
        return Vec::new();
    };
    let collector = Arc::new(Collector::default());
    let received_at = row.received.at;
    let target = CallTarget { received_at, recorder: Some(collector.clone()), ..target };
    // What it gives is in the record.
    let _ =
        plugin.call::<Webhook>(&target, WebhookInput { request, received_at, source: source.clone() }).await;
    std::mem::take(&mut lock(&collector.0))
}

/// Whether the arguments hold an event of one of these deliveries.
fn submits(arguments: &Value, installation: &str, deliveries: &[i64]) -> bool {
    let is_one = |event: &Value| {
        let id = event["id"].as_str().unwrap_or_default();
        deliveries.iter().any(|row| id == event_id(installation, *row))
    };
    match &arguments[0] {
        Value::Array(events) => events.iter().any(is_one),
        event => is_one(event),
    }
}

/// Keeps calls in memory.
#[derive(Default)]
struct Collector(Mutex<Vec<RecordedCall>>);

impl CallRecorder for Collector {
    fn is_on(&self) -> bool {
        true
    }

    fn keep(&self, call: RecordedCall) {
        lock(&self.0).push(call);
    }
}
