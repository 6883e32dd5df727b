//! Recorded calls, made once more by the version that serves, or by another one.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use playrelay_plugin_host::plugin::Plugin;
use playrelay_plugin_host::recording::{CallResult, HostCall, RecordedCall};
use serde::Serialize;
use serde_json::{Value, json};

use crate::app::App;
use crate::replay::difference::difference;

/// What a version of a plugin is asked and says, and not what it does: other versions read other settings and clocks.
const SHOWN: [&str; 4] = ["http.send", "kv.get", "kv.set", "kv.delete"];

/// The calls of a record, made once more.
#[derive(Debug, Default, Serialize)]
pub struct CallComparison {
    /// How many were made once more, by plugin and version.
    pub replayed: BTreeMap<String, usize>,
    /// How many were left out, by the id of their plugin, which does not serve here.
    pub left_out: BTreeMap<String, usize>,
    /// The calls that went otherwise than they were recorded.
    pub differences: Vec<CallDifference>,
}

/// A call that went otherwise.
#[derive(Debug, Serialize)]
pub struct CallDifference {
    /// Its place in the record, from 1.
    pub call: usize,
    /// The plugin.
    pub plugin: String,
    /// The interface and the function.
    pub function: String,
    /// When it was recorded, UTC.
    pub at: Timestamp,
    /// Line by line: `-` is the record, `+` is now.
    pub difference: String,
}

/// Makes the calls of a record once more: those of `other` by it, and the rest by the plugins that serve.
pub async fn compare_calls(app: &App, calls: &[RecordedCall], other: Option<&Arc<Plugin>>) -> CallComparison {
    let mut comparison = CallComparison::default();
    for (index, call) in calls.iter().enumerate() {
        let other = other.filter(|other| other.manifest.plugin.id == call.plugin);
        let Some(plugin) = other.or_else(|| app.plugins.active(&call.plugin)) else {
            *comparison.left_out.entry(call.plugin.clone()).or_default() += 1;
            continue;
        };
        let facts = &plugin.manifest.plugin;
        *comparison.replayed.entry(format!("{} {}", facts.id, facts.version)).or_default() += 1;
        let replayed = plugin.replay(call).await;
        let (before, after) =
            (shown(&call.host_calls, &call.result), shown(&replayed.host_calls, &replayed.result));
        if before != after {
            comparison.differences.push(CallDifference {
                call: index + 1,
                plugin: call.plugin.clone(),
                function: call.function.clone(),
                at: call.at,
                difference: difference(&before, &after),
            });
        }
    }
    comparison
}

/// What a guest asked and what came of it, as lines.
fn shown(host_calls: &[HostCall], result: &CallResult) -> String {
    let asked: Vec<Value> = host_calls
        .iter()
        .filter(|it| SHOWN.contains(&it.function.as_str()))
        .map(|it| json!({ it.function.as_str(): opened(&it.arguments) }))
        .collect();
    format!("{:#}\n", json!({ "asked": asked, "result": opened(&json!(result)) }))
}

/// A value with the JSON in its texts opened, so that a difference is a line.
fn opened(value: &Value) -> Value {
    match value {
        Value::String(text) if text.trim_start().starts_with(['{', '[']) => {
            serde_json::from_str(text).unwrap_or_else(|_| value.clone())
        }
        Value::Array(items) => Value::Array(items.iter().map(opened).collect()),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, value)| (name.clone(), opened(value))).collect())
        }
        other => other.clone(),
    }
}
