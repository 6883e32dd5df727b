//! `playrelay record replay`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use playrelay_plugin_host::recording::RecordedCall;
use serde_json::Value;

use crate::app::{App, Purpose};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::print;
use crate::config::Config;
use crate::record::Recorder;
use crate::replay;
use crate::replay::CallComparison;

/// The largest file that is read. Bytes.
const LARGEST_FILE: u64 = 64 << 20;

#[derive(Args)]
pub(crate) struct Arguments {
    /// A file of calls, or the bundle of an event; the calls of this machine's record where none is named.
    file: Option<PathBuf>,
    /// The component that is to answer the calls of its id, in place of the plugin that serves.
    #[arg(long, value_name = "FILE")]
    plugin: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

/// Exits with 1 where a call goes otherwise than it was recorded.
pub(super) async fn run(config: Config, arguments: Arguments) -> Result<ExitCode, CliError> {
    let path = arguments.file.unwrap_or_else(|| Recorder::new(&config.server.data_dir).calls_file());
    let calls = read(&path)?;
    let app = App::open(config, Purpose::Look).await?;
    let other = match &arguments.plugin {
        Some(path) => Some(app.check_plugin(path).await.map_err(CliError::Other)?),
        None => None,
    };
    let comparison = replay::compare_calls(&app, &calls, other.as_ref()).await;
    arguments.output.print(&comparison, describe)?;
    if comparison.replayed.is_empty() {
        return Err(CliError::Other(format!(
            "{}: no plugin of these calls serves here; `playrelay plugin list` shows those that do",
            path.display()
        )));
    }
    Ok(if comparison.differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The calls of a file: one a line, or in the field `calls` of a bundle.
fn read(path: &std::path::Path) -> Result<Vec<RecordedCall>, CliError> {
    let failed = |reason: String| CliError::Other(format!("{}: {reason}", path.display()));
    let size = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
    if size > LARGEST_FILE {
        return Err(failed(format!("it has {size} bytes; expected at most {LARGEST_FILE}")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    if let Ok(Value::Object(mut bundle)) = serde_json::from_str(&text)
        && let Some(calls) = bundle.remove("calls")
    {
        return serde_json::from_value(calls)
            .map_err(|error| failed(format!("its calls cannot be read: {error}")));
    }
    let mut calls = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let call = serde_json::from_str(line)
            .map_err(|error| failed(format!("line {} is no recorded call: {error}", index + 1)))?;
        calls.push(call);
    }
    if calls.is_empty() {
        return Err(failed("it holds no calls; `playrelay record start` records them".to_owned()));
    }
    Ok(calls)
}

fn describe(comparison: &CallComparison) -> String {
    let mut text = String::new();
    for (plugin, calls) in &comparison.replayed {
        text.push_str(&format!("{plugin}: {} made once more\n", print::count(*calls, "call")));
    }
    for (plugin, calls) in &comparison.left_out {
        text.push_str(&format!(
            "{plugin}: {} left out, since it does not serve here\n",
            print::count(*calls, "call")
        ));
    }
    for it in &comparison.differences {
        text.push_str(&format!(
            "call {}, {} of {}, {}:\n",
            it.call,
            it.function,
            it.plugin,
            print::when(it.at)
        ));
        for line in it.difference.lines() {
            text.push_str(&format!("  {line}\n"));
        }
    }
    text.push_str(&match comparison.differences.len() {
        0 => "Every call goes as it was recorded.\n".to_owned(),
        count => format!("{} otherwise than recorded.\n", print::count(count, "call")),
    });
    text
}
