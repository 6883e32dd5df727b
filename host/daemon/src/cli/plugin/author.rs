//! `playrelay plugin new`, `build`, `pack`, `check` and `test`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use playrelay_plugin_host::permissions::PermissionReport;
use playrelay_plugin_kit::case::Case;
use playrelay_plugin_kit::conformance::ConformanceReport;
use playrelay_plugin_kit::language::Language;
use playrelay_plugin_kit::project::Project;
use playrelay_plugin_kit::runner::{CaseReport, Outcome};
use playrelay_plugin_kit::scaffold::Kind;
use playrelay_plugin_kit::subject::Subject;
use playrelay_plugin_kit::{conformance, project, runner, scaffold};
use serde::Serialize;

use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::print;
use crate::operations::plugins;

/// Words of an id that stand for nothing.
const HERE: &str = ".";

#[derive(Clone, Copy, ValueEnum)]
enum LanguageArgument {
    /// With wit-bindgen; needs cargo and the target wasm32-unknown-unknown.
    Rust,
    /// With componentize-js; needs Node.js and npm.
    Js,
    /// With componentize-py; needs Python 3 and pip.
    Python,
}

#[derive(Clone, Copy, ValueEnum)]
enum KindArgument {
    /// It reads the webhooks of a media server.
    Source,
    /// It tells a tracker.
    Sink,
    /// It shows notifications to people.
    Notify,
}

#[derive(Args)]
pub(crate) struct New {
    /// The id of the plugin: lower case letters, digits and hyphens. The folder has the same name.
    name: String,
    /// The language.
    #[arg(long, value_enum)]
    lang: LanguageArgument,
    /// What it is.
    #[arg(long, value_enum)]
    kind: KindArgument,
    /// The folder [default: the name, in this folder].
    #[arg(long, value_name = "FOLDER")]
    path: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Build {
    /// The folder of the plugin.
    #[arg(default_value = HERE)]
    folder: PathBuf,
}

#[derive(Args)]
pub(crate) struct Pack {
    /// The module or component.
    code: PathBuf,
    /// The manifest.
    manifest: PathBuf,
    /// The file to write.
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
}

#[derive(Args)]
pub(crate) struct Check {
    /// The component, or the folder of a plugin that is built.
    #[arg(default_value = HERE)]
    component: PathBuf,
    #[command(flatten)]
    output: Output,
}

#[derive(Args)]
pub(crate) struct Test {
    /// The folder of the plugin.
    #[arg(default_value = HERE)]
    folder: PathBuf,
    /// Keep what comes out as what is expected.
    #[arg(long)]
    update: bool,
    /// Test this component, and build nothing.
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

/// What a run of all tests gave.
#[derive(Serialize)]
struct TestReport {
    cases: Vec<CaseReport>,
    conformance: ConformanceReport,
}

impl TestReport {
    fn is_good(&self) -> bool {
        let are_good = self.cases.iter().all(|case| case.outcome.is_good());
        !self.cases.is_empty() && are_good && self.conformance.faults.is_empty()
    }
}

pub(super) fn new(arguments: &New) -> Result<(), CliError> {
    let language = match arguments.lang {
        LanguageArgument::Rust => Language::Rust,
        LanguageArgument::Js => Language::JavaScript,
        LanguageArgument::Python => Language::Python,
    };
    let kind = match arguments.kind {
        KindArgument::Source => Kind::Source,
        KindArgument::Sink => Kind::Sink,
        KindArgument::Notify => Kind::Notify,
    };
    let folder = arguments.path.clone().unwrap_or_else(|| PathBuf::from(&arguments.name));
    let files = scaffold::create(&folder, &arguments.name, language, kind)?;
    let contract = folder.join("wit/deps");
    for file in files.iter().filter(|file| !file.starts_with(&contract)) {
        say!("{}", file.display());
    }
    say!("{}: the contract", contract.display());
    say!("\nNext: cd {} && playrelay plugin test", folder.display());
    Ok(())
}

pub(super) fn build(arguments: &Build) -> Result<(), CliError> {
    let project = Project::open(&arguments.folder)?;
    let report = build_project(&project)?;
    say!("{} ({} bytes, sha256 {})", project.component().display(), report.size, report.digest);
    Ok(())
}

/// Builds a project. Prints each command to standard error, where the command prints its own output.
pub(super) fn build_project(project: &Project) -> Result<PermissionReport, CliError> {
    Ok(project.build(&mut |command| eprintln!("$ {}", print::clean(command)))?)
}

pub(super) fn pack(arguments: &Pack) -> Result<(), CliError> {
    let report = project::pack(&arguments.code, &arguments.manifest, &arguments.output)?;
    say!("{} ({} bytes, sha256 {})", arguments.output.display(), report.size, report.digest);
    Ok(())
}

pub(super) async fn check(arguments: Check) -> Result<(), CliError> {
    let component = match arguments.component.is_dir() {
        true => Project::open(&arguments.component)?.component(),
        false => arguments.component,
    };
    let subject = load(&component, None).await?;
    arguments.output.print(&subject.report, |report| {
        format!("{}it starts, and exports what its manifest says\n", plugins::in_words(report))
    })
}

pub(super) async fn test(arguments: Test) -> Result<ExitCode, CliError> {
    let project = Project::open(&arguments.folder)?;
    let component = match arguments.component {
        Some(component) => component,
        None => {
            build_project(&project)?;
            project.component()
        }
    };
    let report = run_tests(&project, &component, arguments.update).await?;
    arguments.output.print(&report, describe)?;
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs all tests of a project on its component, and prints what came out. Whether all is well.
pub(super) async fn test_project(project: &Project) -> Result<bool, CliError> {
    let report = run_tests(project, &project.component(), false).await?;
    print::out(&describe(&report))?;
    Ok(report.is_good())
}

async fn run_tests(project: &Project, component: &Path, keeps: bool) -> Result<TestReport, CliError> {
    let cases = Case::all(&project.tests())?;
    let subject = load(component, Some(project.cache())).await?;
    let mut reports = Vec::new();
    for case in &cases {
        reports.push(runner::run(&subject, case, keeps).await?);
    }
    Ok(TestReport { cases: reports, conformance: conformance::run(&subject, &cases).await? })
}

/// Loads a component; compiled code is kept where a folder for it is given.
async fn load(component: &Path, cache: Option<PathBuf>) -> Result<Subject, CliError> {
    let program = std::env::current_exe()
        .map_err(|error| CliError::Other(format!("this program cannot find itself: {error}")))?;
    let scratch = tempfile::TempDir::with_prefix("playrelay-")
        .map_err(|error| CliError::Other(format!("no temporary folder can be made: {error}")))?;
    let cache = cache.unwrap_or_else(|| scratch.path().to_owned());
    // On the heap: the state of a component that starts is large.
    Ok(Box::pin(Subject::load(component, cache, program)).await?)
}

fn describe(report: &TestReport) -> String {
    let mut text = String::new();
    if report.cases.is_empty() {
        text.push_str("FAILED   no tests: add a TOML file to tests/\n");
    }
    for case in &report.cases {
        let (word, more) = match &case.outcome {
            Outcome::Passed => ("ok", String::new()),
            Outcome::Written => ("kept", String::new()),
            Outcome::New { found } => {
                ("NEW", format!("nothing is kept yet; `--update` keeps this:\n{found}"))
            }
            Outcome::Changed { difference } => {
                ("CHANGED", format!("`--update` keeps what comes out now:\n{difference}"))
            }
            Outcome::Failed { reasons } => ("FAILED", format!("{}\n", reasons.join("\n"))),
        };
        text.push_str(&format!("{word:<8} {:<24} {}\n", case.name, cost(case)));
        for line in more.lines() {
            text.push_str(&format!("         {line}\n"));
        }
    }
    let found = &report.conformance;
    let word = if found.faults.is_empty() { "ok" } else { "FAILED" };
    text.push_str(&format!(
        "{word:<8} {:<24} {}, the slowest {:.1} ms, {:.1} MiB at most\n",
        "conformance",
        print::count(found.calls, "call"),
        found.slowest_micros as f64 / 1e3,
        found.most_memory_bytes as f64 / f64::from(1 << 20),
    ));
    for fault in &found.faults {
        text.push_str(&format!("         {fault}\n"));
    }
    text
}

fn cost(case: &CaseReport) -> String {
    format!(
        "{} instructions, {:.1} MiB, {:.2} ms, {}",
        case.instructions,
        case.memory_bytes as f64 / f64::from(1 << 20),
        case.micros as f64 / 1e3,
        print::count(case.requests, "request")
    )
}
