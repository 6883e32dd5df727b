//! `playrelay plugin`
//!
//! - `approval`: plugins of others: list, inspect, approve, refuse, revoke, audit

mod approval;

use std::process::ExitCode;

use clap::Subcommand;

use crate::cli::error::CliError;
use crate::config::Config;

#[derive(Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Approval(approval::Command),
}

impl Command {
    /// Whether the command can do without a configuration.
    pub fn needs_no_configuration(&self) -> bool {
        matches!(self, Self::Approval(approval::Command::List(_) | approval::Command::Inspect { .. }))
    }
}

pub(crate) async fn run(config: Config, command: Command) -> Result<ExitCode, CliError> {
    match command {
        Command::Approval(command) => approval::run(config, command).await.map(|()| ExitCode::SUCCESS),
    }
}
