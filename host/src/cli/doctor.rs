//! `playrelay doctor`

use std::process::ExitCode;

use super::{Failure, Output};
use crate::config::Config;
use crate::doctor::{self, Finding, Level};
use crate::house::House;

pub(super) async fn run(config: Config, output: Output) -> Result<ExitCode, Failure> {
    let house = House::open(config).await?;
    let findings = doctor::examine(&house).await?;
    output.print(&findings, |findings| findings.iter().map(line).collect::<String>() + &summary(findings))?;
    let is_ill = findings.iter().any(|finding| finding.level == Level::Error);
    Ok(if is_ill { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn line(finding: &Finding) -> String {
    let level = match finding.level {
        Level::Ok => "ok",
        Level::Note => "note",
        Level::Error => "error",
    };
    let remedy = finding.remedy.as_ref().map(|remedy| format!("\n\t\t\u{2192} {remedy}")).unwrap_or_default();
    format!("{level}\t{}\t{}: {}{remedy}\n", finding.about, finding.check, finding.text)
}

fn summary(findings: &[Finding]) -> String {
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    match (count(Level::Error), count(Level::Note)) {
        (0, 0) => "all is well\n".to_owned(),
        (errors, notes) => format!("{errors} errors, {notes} notes\n"),
    }
}
