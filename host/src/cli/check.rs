//! `playrelay check`

use std::process::ExitCode;

use serde::Serialize;

use super::{Failure, Output};
use crate::config::Config;
use crate::house::House;
use crate::plugins::registry::Status;

#[derive(Serialize)]
struct Report {
    problems: Vec<String>,
    waiting: Vec<String>,
    sources: usize,
    trackers: usize,
    routes: usize,
}

pub(super) async fn run(config: Config, output: Output) -> Result<ExitCode, Failure> {
    let house = House::open(config).await?;
    let entries = house.plugins.entries().iter();
    let report = Report {
        problems: house.problems.iter().map(ToString::to_string).collect(),
        waiting: entries
            .filter_map(|entry| match &entry.status {
                Status::Active(_) => None,
                Status::Pending => Some(format!(
                    "plugin {0}: waits for approval; run `playrelay plugin approve {0}`",
                    entry.id()
                )),
                Status::Broken(reason) => Some(format!("plugin {}: {reason}", entry.id())),
            })
            .collect(),
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
            text.push_str(&format!("note: {line}\n"));
        }
        if report.problems.is_empty() {
            let Report { sources, trackers, routes, .. } = report;
            text.push_str(&format!(
                "the configuration is sound: {sources} sources, {trackers} trackers, {routes} routes\n"
            ));
        }
        text
    })?;
    Ok(if report.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
