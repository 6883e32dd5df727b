//! `playrelay plugin`
//!
//! - `approval`: plugins of others: list, inspect, approve, refuse, revoke, audit
//! - `install`: from a file, an address or a registry; update, remove
//! - `author`: for whoever writes one: new, build, pack, check, test
//! - `dev`: a daemon that loads a plugin anew whenever a file of it changes
//! - `compare`: recorded events, read by another version

mod approval;
mod author;
mod compare;
mod dev;
mod install;

use std::process::ExitCode;

use clap::Subcommand;

use playrelay_plugin_host::manifest;

use crate::cli::error::CliError;
use crate::cli::print;
use crate::config::Config;

#[derive(Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Approval(approval::Command),
    #[command(flatten)]
    Install(install::Command),
    /// Read the recorded webhooks of a plugin's sources once more, by the version that serves and by another one, and show the difference.
    Replay(compare::Arguments),
    #[command(flatten)]
    Author(AuthorCommand),
}

/// What needs no configuration of a daemon.
#[derive(Subcommand)]
pub(crate) enum AuthorCommand {
    /// Begin a plugin: code that does something, a manifest, the contract, and tests that pass.
    New(author::New),
    /// Build the plugin of a folder with the tools of its language, and pack it: build/ID.wasm.
    Build(author::Build),
    /// Make a plugin out of a WebAssembly module or component and a manifest.
    Pack(author::Pack),
    /// Print the form of `plugin.toml` as a JSON Schema, for an editor.
    Schema,
    /// Start a plugin as the daemon would, and show all that it asks for.
    Check(author::Check),
    /// Build the plugin of a folder, run its tests, and try on it what any plugin of its kind must survive.
    Test(author::Test),
    /// Run a daemon with the plugin of a folder, and build, test and load it anew whenever a file changes.
    Dev(dev::Arguments),
}

impl Command {
    /// Whether the command can do without a configuration.
    pub fn needs_no_configuration(&self) -> bool {
        matches!(
            self,
            Self::Author(_) | Self::Approval(approval::Command::List(_) | approval::Command::Inspect { .. })
        )
    }
}

pub(crate) async fn run(config: Config, command: Command) -> Result<ExitCode, CliError> {
    match command {
        Command::Approval(command) => approval::run(config, command).await.map(|()| ExitCode::SUCCESS),
        Command::Install(command) => install::run(config, command).await.map(|()| ExitCode::SUCCESS),
        Command::Replay(arguments) => compare::run(config, arguments).await,
        Command::Author(command) => run_for_author(command).await,
    }
}

/// Runs a command for authors.
pub(crate) async fn run_for_author(command: AuthorCommand) -> Result<ExitCode, CliError> {
    match command {
        AuthorCommand::New(arguments) => author::new(&arguments)?,
        AuthorCommand::Build(arguments) => author::build(&arguments)?,
        AuthorCommand::Pack(arguments) => author::pack(&arguments)?,
        AuthorCommand::Schema => print::json(&format!("{:#}", manifest::schema()))?,
        AuthorCommand::Check(arguments) => author::check(arguments).await?,
        AuthorCommand::Test(arguments) => return author::test(arguments).await,
        AuthorCommand::Dev(arguments) => dev::run(&arguments).await?,
    }
    Ok(ExitCode::SUCCESS)
}
