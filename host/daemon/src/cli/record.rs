//! `playrelay record`

use std::collections::BTreeMap;

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
    /// Show what was recorded: where, until when, and how often each request.
    Show(Output),
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
}

pub(crate) fn run(config: &Config, command: Command) -> Result<(), CliError> {
    let recorder = Recorder::new(&config.server.data_dir);
    let failed = |error: std::io::Error| {
        CliError::Other(format!("{} cannot be used: {error}", recorder.file().display()))
    };
    match command {
        Command::Start { length } if length <= SignedDuration::ZERO || length > MAX_DURATION => {
            Err(CliError::Other(format!("--for is {length:#}; expected at most 24h, such as 1h or 30m")))
        }
        Command::Start { length } => {
            let until = clock::after(length);
            recorder.start(until).map_err(failed)?;
            say!("Recording until {}.", print::when(until));
            say!("Requests to servers and trackers, and their answers, go to {}.", recorder.file().display());
            say!(
                "Secrets, addresses and names of people are redacted; titles are not. Read it before you share it."
            );
            Ok(())
        }
        Command::Stop => {
            recorder.stop().map_err(failed)?;
            say!("Nothing is recorded any more; {} stays.", recorder.file().display());
            Ok(())
        }
        Command::Delete => {
            recorder.delete().map_err(failed)?;
            say!("The record is removed.");
            Ok(())
        }
        Command::Show(output) => {
            let exchanges = recorder.exchanges().map_err(failed)?;
            let mut requests = BTreeMap::new();
            for it in &exchanges {
                let path = it.path.split('?').next().unwrap_or_default();
                *requests.entry(format!("{} {} {path} {}", it.service, it.method, it.status)).or_insert(0) +=
                    1;
            }
            let until = recorder.until().map(|until| until.to_string());
            let file = recorder.file().display().to_string();
            output.print(&Shown { file, until, exchanges: exchanges.len(), requests }, text)
        }
    }
}

fn text(shown: &Shown) -> String {
    let state = match shown.until.as_deref().and_then(|until| until.parse().ok()) {
        Some(until) => format!("Recording until {}.", print::when(until)),
        None => "Nothing is recorded now.".to_owned(),
    };
    let mut lines = vec![format!("{state} {} exchanges in {}", shown.exchanges, shown.file)];
    lines.extend(
        shown.requests.iter().map(|(request, times)| format!("{times:>6}  {}", print::one_line(request))),
    );
    lines.join("\n")
}
