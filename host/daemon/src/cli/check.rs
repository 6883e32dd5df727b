//! `playrelay check`

use std::process::ExitCode;

use playrelay_plugin_host::registry::{Entry, Status};
use serde::Serialize;

use crate::app::{App, Purpose};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::print::count;
use crate::config::Config;

#[derive(Serialize)]
struct Report {
    problems: Vec<String>,
    waiting: Vec<String>,
    warnings: Vec<String>,
    plugins: Vec<String>,
    sources: usize,
    trackers: usize,
    routes: usize,
}

impl Report {
    /// Whether everything that is configured can work.
    fn is_sound(&self) -> bool {
        self.problems.is_empty() && self.waiting.is_empty()
    }
}

/// Why a plugin does not serve. One that nobody uses is worth a note.
fn trouble(entry: &Entry) -> Option<String> {
    match &entry.status {
        Status::Active(_) | Status::Compiling(_) => None,
        Status::Pending => Some(format!("plugin {0}: waits for `playrelay plugin approve {0}`", entry.id())),
        Status::Broken(reason) => Some(format!("plugin {}: {reason}", entry.id())),
    }
}

fn is_waited_for(app: &App, entry: &Entry) -> bool {
    let accounts =
        app.config.sources.values().chain(app.config.trackers.values()).chain(app.config.catalogues.values());
    !app.waiting.is_empty() && accounts.into_iter().any(|account| account.plugin == entry.id())
}

pub(crate) async fn run(config: Config, output: Output) -> Result<ExitCode, CliError> {
    let app = App::open(config, Purpose::Look).await?;
    let report = Report {
        problems: app.problems.iter().map(ToString::to_string).collect(),
        waiting: app.waiting.clone(),
        warnings: app.warnings().iter().map(ToString::to_string).collect(),
        // What an account waits for was said.
        plugins: app
            .plugins
            .entries()
            .iter()
            .filter(|entry| !is_waited_for(&app, entry))
            .filter_map(trouble)
            .collect(),
        sources: app.config.sources.len(),
        trackers: app.config.trackers.len(),
        routes: app.config.routes.len(),
    };
    output.print(&report, |report| {
        let mut text = String::new();
        for line in &report.problems {
            text.push_str(&format!("error: {line}\n"));
        }
        for line in &report.waiting {
            text.push_str(&format!("error: {line}\n"));
        }
        // What is wrong comes first: much of the rest may follow from it.
        for line in report.warnings.iter().filter(|_| report.is_sound()) {
            text.push_str(&format!("warning: {line}\n"));
        }
        for line in &report.plugins {
            text.push_str(&format!("note: {line}\n"));
        }
        if report.is_sound() {
            let Report { sources, trackers, routes, .. } = report;
            text.push_str(&format!(
                "the configuration is sound: {}, {}, {}\n",
                count(*sources, "source"),
                count(*trackers, "tracker"),
                count(*routes, "route")
            ));
        }
        text
    })?;
    Ok(if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
