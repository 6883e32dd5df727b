//! `playrelay record`
//!
//! - `replay`: makes recorded calls once more

mod replay;

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Subcommand;
use jiff::SignedDuration;
use playrelay_util::clock;
use serde::Serialize;

use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::print;
use crate::config::Config;
use crate::record::Recorder;

/// The longest that is recorded at once.
const MAX_DURATION: SignedDuration = SignedDuration::from_hours(24);

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Record for a while. A daemon that runs begins within a second.
    Start {
        /// How long, 24 hours at most.
        #[arg(long = "for", value_name = "DURATION", default_value = "1h")]
        length: SignedDuration,
    },
    /// Stop. What was recorded stays.
    Stop,
    /// Show what was recorded: where, until when, and how often each request and each call.
    Show(Output),
    /// Make the recorded calls of plugins once more, and show what goes otherwise. Nothing is sent or stored.
    Replay(replay::Arguments),
    /// Stop, and remove what was recorded.
    Delete,
}

/// The state of a record.
#[derive(Serialize)]
struct Shown {
    file: String,
    /// Absent where nothing is recorded now.
    until: Option<String>,
    exchanges: usize,
    /// By plugin, verb and path without its query.
    requests: BTreeMap<String, usize>,
    calls_file: String,
    /// By plugin and function.
    calls: BTreeMap<String, usize>,
}

pub(crate) async fn run(config: Config, command: Command) -> Result<ExitCode, CliError> {
    let recorder = Recorder::new(&config.server.data_dir);
    let failed = |error: std::io::Error| {
        CliError::Other(format!("{} cannot be used: {error}", recorder.file().display()))
    };
    match command {
        Command::Start { length } if length <= SignedDuration::ZERO || length > MAX_DURATION => {
            return Err(CliError::Other(format!(
                "--for is {length:#}; expected at most 24h, such as 1h or 30m"
            )));
        }
        Command::Start { length } => {
            let until = clock::after(length);
            recorder.start(until).map_err(failed)?;
            say!("Recording until {}.", print::when(until));
            say!("Requests to servers and trackers, and their answers, go to {}.", recorder.file().display());
            say!("Calls of plugins, with all that each is told, go to {}.", recorder.calls_file().display());
            say!(
                "Secrets, addresses and names of people are redacted; titles are not. Read both before you share them."
            );
        }
        Command::Stop => {
            recorder.stop().map_err(failed)?;
            let (exchanges, calls) = (recorder.file(), recorder.calls_file());
            say!("Nothing is recorded any more; {} and {} stay.", exchanges.display(), calls.display());
        }
        Command::Delete => {
            recorder.delete().map_err(failed)?;
            say!("The record is removed.");
        }
        Command::Show(output) => {
            let exchanges = recorder.exchanges().map_err(failed)?;
            let mut requests = BTreeMap::new();
            for it in &exchanges {
                let path = it.path.split('?').next().unwrap_or_default();
                *requests.entry(format!("{} {} {path} {}", it.service, it.method, it.status)).or_insert(0) +=
                    1;
            }
            let mut calls = BTreeMap::new();
            for it in recorder.calls().map_err(failed)? {
                *calls.entry(format!("{} {}", it.plugin, it.function)).or_insert(0) += 1;
            }
            let shown = Shown {
                file: recorder.file().display().to_string(),
                until: recorder.until().map(|until| until.to_string()),
                exchanges: exchanges.len(),
                requests,
                calls_file: recorder.calls_file().display().to_string(),
                calls,
            };
            output.print(&shown, text)?;
        }
        Command::Replay(arguments) => return replay::run(config, arguments).await,
    }
    Ok(ExitCode::SUCCESS)
}

fn text(shown: &Shown) -> String {
    let state = match shown.until.as_deref().and_then(|until| until.parse().ok()) {
        Some(until) => format!("Recording until {}.", print::when(until)),
        None => "Nothing is recorded now.".to_owned(),
    };
    let mut lines = vec![format!("{state} {} exchanges in {}", shown.exchanges, shown.file)];
    let counted = |counts: &BTreeMap<String, usize>| -> Vec<String> {
        counts.iter().map(|(what, times)| format!("{times:>6}  {}", print::one_line(what))).collect()
    };
    lines.extend(counted(&shown.requests));
    lines.push(format!("{} in {}", print::count(shown.calls.values().sum(), "call"), shown.calls_file));
    lines.extend(counted(&shown.calls));
    lines.join("\n")
}
