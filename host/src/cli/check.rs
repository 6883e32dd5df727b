//! `playrelay check`

use std::process::ExitCode;

use serde::Serialize;

use super::{Failure, Output};
use crate::config::Config;
use crate::house::House;
use crate::plugins::registry::{Entry, Status};

#[derive(Serialize)]
struct Report {
    problems: Vec<String>,
    waiting: Vec<String>,
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
        Status::Active(_) => None,
        Status::Pending => Some(format!("plugin {0}: waits for `playrelay plugin approve {0}`", entry.id())),
        Status::Broken(reason) => Some(format!("plugin {}: {reason}", entry.id())),
    }
}

pub(super) async fn run(config: Config, output: Output) -> Result<ExitCode, Failure> {
    let house = House::open(config).await?;
    let report = Report {
        problems: house.problems.iter().map(ToString::to_string).collect(),
        waiting: house.waiting.clone(),
        plugins: house.plugins.entries().iter().filter_map(trouble).collect(),
        sources: house.config.sources.len(),
        trackers: house.config.trackers.len(),
        routes: house.config.routes.len(),
    };
    output.print(&report, |report| {
        let mut text = String::new();
        for line in &report.problems {
            text.push_str(&format!("error: {line}\n"));
        }
        for line in &report.waiting {
            text.push_str(&format!("error: {line}\n"));
        }
        for line in &report.plugins {
            text.push_str(&format!("note: {line}\n"));
        }
        if report.is_sound() {
            let Report { sources, trackers, routes, .. } = report;
            text.push_str(&format!(
                "the configuration is sound: {sources} sources, {trackers} trackers, {routes} routes\n"
            ));
        }
        text
    })?;
    Ok(if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
