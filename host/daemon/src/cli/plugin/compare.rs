//! `playrelay plugin replay`: recorded messages, read by the version that serves and by another one.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use playrelay_plugin_host::registry;
use serde::Serialize;

use crate::app::{App, Purpose};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::print;
use crate::config::Config;
use crate::replay;
use crate::replay::MessageDifference;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The other version: a component with the id of a plugin that serves.
    component: PathBuf,
    /// How many recorded inputs of each source are looked at, the newest.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    last: u32,
    #[command(flatten)]
    output: Output,
}

/// What both versions made of the messages.
#[derive(Serialize)]
struct ComparisonReport {
    /// The id.
    plugin: String,
    /// Webhooks that were read.
    messages: usize,
    /// Other inputs: reports of a connection, which cannot be read once more.
    left_out: usize,
    /// The webhooks for which the two versions give different results.
    differences: Vec<MessageDifference>,
}

pub(super) async fn run(config: Config, arguments: Arguments) -> Result<ExitCode, CliError> {
    let app = App::open(config, Purpose::Look).await?;
    let id = registry::inspect(&arguments.component)
        .map_err(|error| CliError::Other(format!("{}: {error}", arguments.component.display())))?
        .id;
    let other = app.check_plugin(&arguments.component).await.map_err(CliError::Other)?;
    let sources: Vec<&String> =
        app.config.sources.iter().filter(|(_, source)| source.plugin == id).map(|(name, _)| name).collect();
    if sources.is_empty() {
        return Err(CliError::Other(format!("no source has plugin = {id:?}, so nothing is recorded for it")));
    }
    let mut report = ComparisonReport { plugin: id, messages: 0, left_out: 0, differences: Vec::new() };
    for source in sources {
        let compared = replay::compare_messages(&app, source, &other, arguments.last).await;
        let (messages, left_out, differences) =
            compared.map_err(|error| CliError::Other(error.to_string()))?;
        report.messages += messages;
        report.left_out += left_out;
        report.differences.extend(differences);
    }
    arguments.output.print(&report, describe)?;
    if report.messages == 0 {
        return Err(CliError::Other(format!(
            "no webhook of plugin {:?} is recorded, so there is nothing to compare",
            report.plugin
        )));
    }
    Ok(if report.differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn describe(report: &ComparisonReport) -> String {
    let mut text = format!(
        "{}: {} read by both versions, {} with another result\n",
        report.plugin,
        print::count(report.messages, "webhook"),
        report.differences.len()
    );
    if report.left_out > 0 {
        text.push_str(&format!("{} of a connection left out\n", print::count(report.left_out, "input")));
    }
    for message in &report.differences {
        text.push_str(&format!("event {} of {}:\n", message.event, message.source));
        for line in message.difference.lines() {
            text.push_str(&format!("  {line}\n"));
        }
    }
    text
}
