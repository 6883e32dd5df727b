//! Holds noted exchanges against the documents that the services publish: `contracts EXCHANGES DOCUMENTS [--partial]`.
//!
//! Fails where something deviates that `deviations.toml` does not explain; in a full run also where an explanation is needless, or a
//! path in the code of a plugin was never asked for.

#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use playrelay_tests::contracts::{self, Deviations, untried_paths};
use playrelay_tests::exchanges;

fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (is_partial, places): (Vec<&String>, Vec<&String>) =
        arguments.iter().partition(|it| *it == "--partial");
    let [from, documents] = places.as_slice() else {
        bail!("expected contracts EXCHANGES DOCUMENTS [--partial]")
    };
    let exchanges = exchanges::read(Path::new(from))?;
    let deviations = Deviations::read()?;
    let report = contracts::check(&exchanges, Path::new(documents))?;
    let mut used = BTreeSet::new();
    let (mut allowed, mut is_sound) = (0, true);
    for (finding, times) in &report.findings {
        match deviations.place_of(finding) {
            Some(place) => {
                used.insert(place);
                allowed += times;
            }
            None => {
                is_sound = false;
                let contracts::Finding { service, endpoint, part, what } = finding;
                println!("{service} {endpoint}, {part}: {what} ({times} times)");
            }
        }
    }
    println!("not described by any document:");
    for (what, times) in &report.not_validated {
        println!("  {what} ({times} times)");
    }
    if is_partial.is_empty() {
        for needless in deviations.needless(&used.iter().copied().collect::<Vec<_>>()) {
            is_sound = false;
            println!("an allowed deviation is needless: {needless}");
        }
        let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins");
        for untried in untried_paths(&plugins, &exchanges, &deviations)? {
            is_sound = false;
            println!("no test sends this request: {untried}");
        }
    }
    println!(
        "{} exchanges, {} endpoints, {} bodies and answers validated, {allowed} deviations allowed by {} of {} rules",
        report.exchanges,
        report.endpoints.len(),
        report.validated,
        used.len(),
        deviations.count()
    );
    Ok(if is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
