//! Runs tests, and compares what comes out with what was kept of an earlier run.

use std::fs;
use std::io;
use std::sync::Arc;

use jiff::Timestamp;
use playrelay_engine::model::Report;
use playrelay_plugin_host::call_state::CallCost;
use playrelay_plugin_host::capabilities::{
    BatchResult, Check, Enrich, Message, MessageInput, Notify, ParseError, Sink, SinkBatch, Webhook,
    WebhookInput,
};
use playrelay_plugin_host::failure::Failure;
use playrelay_plugin_host::fault::Fault;
use playrelay_plugin_host::plugin::{CallTarget, Plugin};
use serde::Serialize;
use serde_json::{Value, json};
use similar::TextDiff;

use crate::KitError;
use crate::case::{Call, Case};
use crate::cassette::Cassette;
use crate::subject::{ACCOUNT, Subject};

/// How a test ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// It gave what was expected.
    Passed,
    /// What it gave was written down, as was asked.
    Written,
    /// Nothing was kept yet to compare with.
    New {
        /// What came out.
        found: String,
    },
    /// It gave something else.
    Changed {
        /// Line by line: `-` was expected, `+` was found.
        difference: String,
    },
    /// It crashed, exceeded a limit, or sent a request that the test does not answer.
    Failed {
        /// Why, one line each.
        reasons: Vec<String>,
    },
}

impl Outcome {
    /// Whether nothing is to be done.
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Passed | Self::Written)
    }
}

/// A test that was run.
#[derive(Clone, Debug, Serialize)]
pub struct CaseReport {
    /// Its name.
    pub name: String,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// WebAssembly instructions of all its calls.
    pub instructions: u64,
    /// The most memory of a call. Bytes.
    pub memory_bytes: usize,
    /// The time of all its calls. Microseconds.
    pub micros: u64,
    /// The requests that it sent.
    pub requests: usize,
}

/// What a call gave.
#[derive(Clone, Debug)]
pub struct CallResult {
    /// In the form that is kept; an error where the plugin is at fault.
    pub result: Result<CallOutput, Fault>,
    /// What it cost, all calls together.
    pub cost: CallCost,
}

/// What a call gave, where the plugin was not at fault.
#[derive(Clone, Debug)]
pub enum CallOutput {
    /// Reports of a server, from `webhook` or `realtime`.
    Reports(Result<Vec<Report>, ParseError>),
    /// The answer of a service, in the form that is kept.
    Service(Result<Value, Failure>),
}

impl CallOutput {
    /// The form that is kept.
    fn to_value(&self) -> Value {
        match self {
            Self::Reports(Ok(reports)) => json!({ "reports": reports }),
            Self::Reports(Err(ParseError::Malformed(text))) => json!({ "malformed": text }),
            Self::Reports(Err(ParseError::Unsupported(text))) => json!({ "unsupported": text }),
            Self::Service(Ok(answer)) => answer.clone(),
            Self::Service(Err(failure)) => json!({ "failure": failure_value(failure) }),
        }
    }
}

fn batch_value(result: &BatchResult) -> Value {
    match result {
        BatchResult::Receipt(receipt) => json!({ "receipt": receipt }),
        BatchResult::Failure(failure) => json!({ "failure": failure_value(failure) }),
        BatchResult::Alone => json!("alone"),
    }
}

fn failure_value(failure: &Failure) -> Value {
    match failure {
        Failure::Retry { after_ms, reason } => json!({ "retry": reason, "after_ms": after_ms }),
        Failure::Quota { until, reason } => json!({ "quota": reason, "until": until }),
        Failure::Unauthorized(reason) => json!({ "unauthorized": reason }),
        Failure::Blocked(reason) => json!({ "blocked": reason }),
        Failure::Rejected(reason) => json!({ "rejected": reason }),
    }
}

/// Makes the call of a test.
pub async fn call(plugin: &Arc<Plugin>, target: &CallTarget, call: &Call, at: Timestamp) -> CallResult {
    match call {
        Call::Webhook(request) => {
            let input =
                WebhookInput { request: request.clone(), received_at: at, source: ACCOUNT.to_owned() };
            let (result, trace) = plugin.call::<Webhook>(target, input).await;
            CallResult { result: result.map(CallOutput::Reports), cost: trace.cost }
        }
        Call::Messages(texts) => call_messages(plugin, target, texts, at).await,
        Call::Enrich(item) => {
            let (result, trace) = plugin.call::<Enrich>(target, item.clone()).await;
            let output =
                |answer: Result<_, Failure>| CallOutput::Service(answer.map(|item| json!({ "item": item })));
            CallResult { result: result.map(output), cost: trace.cost }
        }
        Call::Sink(event) => {
            let (result, trace) = plugin.call::<Sink>(target, event.clone()).await;
            let output = |answer: Result<_, Failure>| {
                CallOutput::Service(answer.map(|receipt| json!({ "receipt": receipt })))
            };
            CallResult { result: result.map(output), cost: trace.cost }
        }
        Call::Batch(events) => {
            let (result, trace) = plugin.call::<SinkBatch>(target, events.clone()).await;
            let output =
                |answer: Result<Vec<BatchResult>, Failure>| {
                    CallOutput::Service(answer.map(
                        |results| json!({ "results": results.iter().map(batch_value).collect::<Vec<_>>() }),
                    ))
                };
            CallResult { result: result.map(output), cost: trace.cost }
        }
        Call::Check => {
            let (result, trace) = plugin.call::<Check>(target, ()).await;
            let output = |answer: Result<_, Failure>| {
                CallOutput::Service(answer.map(|account| json!({ "account": account })))
            };
            CallResult { result: result.map(output), cost: trace.cost }
        }
        Call::Notify(input) => {
            let (result, trace) = plugin.call::<Notify>(target, input.clone()).await;
            let output = |answer: Result<(), Failure>| {
                CallOutput::Service(answer.map(|()| json!({ "receipt": { "outcome": "accepted" } })))
            };
            CallResult { result: result.map(output), cost: trace.cost }
        }
    }
}

/// One message after another, each with the state of the one before.
async fn call_messages(
    plugin: &Arc<Plugin>,
    target: &CallTarget,
    texts: &[String],
    at: Timestamp,
) -> CallResult {
    let (mut state, mut reports, mut cost) = (Vec::new(), Vec::new(), CallCost::default());
    for text in texts {
        let input = MessageInput {
            text: text.clone(),
            state: state.clone(),
            received_at: at,
            source: ACCOUNT.to_owned(),
        };
        let (result, trace) = plugin.call::<Message>(target, input).await;
        cost = CallCost {
            instructions: cost
                .instructions
                .zip(trace.cost.instructions)
                .map(|(one, other)| one + other)
                .or(trace.cost.instructions),
            memory_bytes: cost.memory_bytes.max(trace.cost.memory_bytes),
            time: cost.time + trace.cost.time,
        };
        match result {
            Ok(Ok(step)) => {
                state = step.state;
                reports.extend(step.reports);
            }
            // An error leaves the state as it was; a test ends with it.
            Ok(Err(error)) => return CallResult { result: Ok(CallOutput::Reports(Err(error))), cost },
            Err(fault) => return CallResult { result: Err(fault), cost },
        }
    }
    CallResult { result: Ok(CallOutput::Reports(Ok(reports))), cost }
}

/// Runs a test. With `keeps`, what comes out is what is expected from now on.
///
/// # Errors
///
/// The settings of the test do not fit the manifest, or what is kept cannot be read or written.
pub async fn run(subject: &Subject, case: &Case, keeps: bool) -> Result<CaseReport, KitError> {
    let cassette = Arc::new(Cassette::new(case.exchanges.clone()));
    let target = subject.target(&case.settings, Arc::clone(&cassette), case.at)?;
    let CallResult { result, cost } = call(&subject.plugin, &target, &case.call, case.at).await;
    let sent = cassette.sent();
    let mut reasons = cassette.complaints();
    let outcome = match result {
        Err(fault) => {
            reasons.insert(0, fault.to_string());
            Outcome::Failed { reasons }
        }
        Ok(_) if !reasons.is_empty() => Outcome::Failed { reasons },
        Ok(output) => {
            let mut found = output.to_value();
            if !sent.is_empty() {
                found["requests"] = json!(sent);
            }
            compare(case, &found, keeps)?
        }
    };
    Ok(CaseReport {
        name: case.name(),
        outcome,
        instructions: cost.instructions.unwrap_or_default(),
        memory_bytes: cost.memory_bytes,
        micros: u64::try_from(cost.time.as_micros()).unwrap_or(u64::MAX),
        requests: sent.len(),
    })
}

/// Holds what came out against what was kept.
fn compare(case: &Case, found: &Value, keeps: bool) -> Result<Outcome, KitError> {
    let path = case.expected_path();
    // Maps and texts alone: all of it is JSON.
    let found = format!("{found:#}\n");
    let expected = match fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(KitError::file(&path)(error)),
    };
    if expected.as_ref() == Some(&found) {
        return Ok(Outcome::Passed);
    }
    if keeps {
        fs::write(&path, found).map_err(KitError::file(&path))?;
        return Ok(Outcome::Written);
    }
    Ok(match expected {
        None => Outcome::New { found },
        Some(expected) => {
            let difference =
                TextDiff::from_lines(&expected, &found).unified_diff().context_radius(2).to_string();
            Outcome::Changed { difference }
        }
    })
}
