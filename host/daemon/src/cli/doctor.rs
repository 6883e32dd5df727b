//! `playrelay doctor`

use std::process::ExitCode;

use crate::app::{App, Purpose};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::print::{columns, count, hang, one_line};
use crate::config::Config;
use crate::doctor;
use crate::doctor::{Finding, Severity};

pub(crate) async fn run(config: Config, output: Output) -> Result<ExitCode, CliError> {
    let app = App::open(config, Purpose::Look).await?;
    let findings = doctor::examine(&app).await?;
    output.print(&findings, |findings| findings.iter().map(line).collect::<String>() + &summary(findings))?;
    let is_ill = findings.iter().any(|finding| finding.level == Severity::Error);
    Ok(if is_ill { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn line(finding: &Finding) -> String {
    let level = match finding.level {
        Severity::Ok => "ok",
        Severity::Note => "note",
        Severity::Error => "error",
    };
    let columns = columns();
    let Finding { about, check, text, remedy, .. } = finding;
    let head = format!("{level:<5}  {}  ", one_line(about));
    let found = hang(&head, &format!("{check}: {}", one_line(text)), columns);
    let remedy = remedy.as_ref().map(|remedy| hang("       \u{2192} ", &one_line(remedy), columns) + "\n");
    format!("{found}\n{}", remedy.unwrap_or_default())
}

fn summary(findings: &[Finding]) -> String {
    let of = |level| findings.iter().filter(|finding| finding.level == level).count();
    match (of(Severity::Error), of(Severity::Note)) {
        (0, 0) => "all is well\n".to_owned(),
        (errors, notes) => format!("{}, {}\n", count(errors, "error"), count(notes, "note")),
    }
}
