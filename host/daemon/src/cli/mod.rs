//! The commands, each thin.

/// Prints a line.
macro_rules! say {
    ($($text:tt)*) => { $crate::cli::print::out(&(format!($($text)*) + "\n"))? };
}

mod backup;
mod catch_up;
mod check;
mod connect;
mod doctor;
mod error;
mod events;
mod export;
mod follow;
mod health;
mod import;
mod init;
mod jobs;
mod mapping;
mod notify;
mod outbox;
mod output;
mod people;
mod plugin;
mod print;
mod record;
mod replay;
mod serve;
mod status;
mod store;
mod token;
mod users;
mod watchlist;
mod webhooks;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use error::CliError;
use output::Output;
use playrelay_plugin_host::compile;
use tokio::runtime::Runtime;

use crate::app::AppError;
use crate::config::{Config, DEFAULT_FILE, FILE_VARIABLE, SYSTEM_FILE};
use crate::logging::LOG_VARIABLE;
use crate::platform::user;
use crate::platform::user::RunAs;
use crate::{config, logging};

/// The version, with what tells one build from another: the commit where the builder names one, and what it was built for.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("PLAYRELAY_BUILD"), ")");

/// Carries what people watch on their media servers to the trackers they keep.
#[derive(Parser)]
#[command(name = "playrelay", version = VERSION, about, max_term_width = 100)]
struct Arguments {
    /// The configuration [default: playrelay.toml in this folder, or /etc/playrelay/playrelay.toml]. Paths in it are relative to its folder.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write a first configuration, with comments, by asking.
    Init(init::Arguments),
    /// Run the daemon.
    Serve,
    /// Show what plays, who is logged in and what waits.
    Status(Output),
    /// Check the configuration and the plugins. Nothing is asked of servers and trackers; `doctor` does that.
    Check(Output),
    /// Test each source and tracker over the network, and show a remedy for each fault.
    Doctor(Output),
    /// Log in at a source or a tracker.
    Connect(connect::Connect),
    /// Log out of a source or a tracker.
    Disconnect(connect::Disconnect),
    /// Show the addresses to paste into the media servers. They contain secret tokens.
    Webhooks(webhooks::Arguments),
    /// Show what a server's own history has, and enter it.
    CatchUp(catch_up::Arguments),
    /// List, install, inspect, approve, update and remove plugins; write and test your own.
    #[command(subcommand)]
    Plugin(plugin::Command),
    /// List what was received and how it ended, the newest first.
    Events(events::List),
    /// Show every step of one event.
    Event(events::Show),
    /// Read a recorded event, or one from a file, again, and show what would come of it. Nothing is sent or stored.
    Replay(replay::Arguments),
    /// Manage users that no route mentions.
    #[command(subcommand)]
    Users(users::Command),
    /// List the people whose histories are kept, and their own webhook addresses.
    People(people::Arguments),
    /// Read a history that another program or service wrote, which is shown before it is imported; or another program's set-up.
    Import(import::Import),
    /// Show somebody's watchlist, and read others into it.
    #[command(subcommand)]
    Watchlist(watchlist::Command),
    /// Show and manage work that takes longer: imports, what they found, and taking them back.
    Jobs(jobs::Arguments),
    /// Show and manage what waits for trackers, and what became of the rest.
    #[command(subcommand)]
    Outbox(outbox::Command),
    /// Show and keep what catalogues call a title that the media server calls otherwise.
    #[command(subcommand)]
    Mapping(mapping::Command),
    /// Show who tells you what needs you, and try it.
    #[command(subcommand)]
    Notify(notify::Command),
    /// Record what servers and trackers answer and what plugins are told, for a report: redacted, and off until you start it.
    #[command(subcommand)]
    Record(record::Command),
    /// Print the token that opens the API.
    Token,
    /// Ask the running daemon whether it is well: for container health checks.
    Health,
    /// Write plays and ratings to files, for programs, tables, and other services.
    Export(export::Export),
    /// Write a copy of the database and the configuration to a file, while the daemon runs or not.
    Backup(backup::Backup),
    /// Put a backup back, while the daemon does not run.
    Restore(backup::Restore),
    /// Move everything to another database.
    #[command(subcommand)]
    Store(store::Command),
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    #[command(name = compile::COMMAND, hide = true)]
    Compile {
        /// For code that counts instructions.
        #[arg(long)]
        metered: bool,
    },
}

impl Command {
    /// Whether the command can do without a configuration.
    fn needs_no_configuration(&self) -> bool {
        match self {
            Self::Serve | Self::Restore(_) | Self::Store(_) => true,
            Self::Plugin(command) => command.needs_no_configuration(),
            Self::Import(arguments) => arguments.needs_no_configuration(),
            _ => false,
        }
    }

    /// Whether the command may write into the data folder, whose files belong to one user.
    fn writes(&self) -> bool {
        !matches!(self, Self::Health)
    }
}

/// Runs the command of this process's arguments.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    match start_log(&arguments.command).and_then(|()| execute(arguments)) {
        Ok(code) => code,
        Err(CliError::Unread) => ExitCode::SUCCESS,
        Err(failure) => {
            for line in failure.lines() {
                eprintln!("error: {}", print::clean(&line));
            }
            ExitCode::FAILURE
        }
    }
}

fn execute(arguments: Arguments) -> Result<ExitCode, CliError> {
    match &arguments.command {
        Command::Compile { metered } => {
            return compile::run(*metered).map(|()| ExitCode::SUCCESS).map_err(CliError::Other);
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Arguments::command(), "playrelay", &mut script);
            print::out(&String::from_utf8_lossy(&script))?;
            return Ok(ExitCode::SUCCESS);
        }
        _ => {}
    }
    if let Command::Plugin(plugin::Command::Author(command)) = arguments.command {
        return start_threads()?.block_on(plugin::run_for_author(command));
    }
    if let Command::Init(init) = arguments.command {
        let file = arguments.config.unwrap_or_else(|| PathBuf::from(DEFAULT_FILE));
        return start_threads()?.block_on(init::run(&file, init)).map(|()| ExitCode::SUCCESS);
    }
    let config = config::load(arguments.config.as_deref()).map_err(AppError::Config)?;
    if !config.is_there && !arguments.command.needs_no_configuration() {
        return Err(CliError::Other(no_configuration()));
    }
    if arguments.command.writes() {
        run_as_named_user(&config)?;
    }
    start_threads()?.block_on(dispatch(arguments.command, config))
}

/// Goes on as the user of a container. Each thread has a user of its own: there is only one yet.
fn run_as_named_user(config: &Config) -> Result<(), CliError> {
    match user::run_as_named_user(&config.server.data_dir)? {
        RunAs::Unchanged => {}
        RunAs::Changed(user, group) => {
            tracing::info!(user, group, "runs as the user that PUID and PGID name");
        }
        RunAs::Ignored(user, group) => {
            tracing::info!(
                user,
                group,
                "PUID and PGID are ignored: only a container that starts as root follows them"
            );
        }
    }
    Ok(())
}

fn start_threads() -> Result<Runtime, CliError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::Other(format!("the program cannot start its threads: {error}")))
}

/// The hint for a user who is in the wrong folder, or has just begun.
fn no_configuration() -> String {
    let folder = std::env::current_dir().unwrap_or_default();
    format!(
        "there is no {DEFAULT_FILE} in {}, and no {SYSTEM_FILE}; `playrelay init` writes one, `--config FILE` or {FILE_VARIABLE} names one \
         elsewhere",
        folder.display()
    )
}

async fn dispatch(command: Command, config: Config) -> Result<ExitCode, CliError> {
    match command {
        Command::Serve => Box::pin(serve::run(config)).await?,
        Command::Status(output) => status::run(config, output).await?,
        Command::Check(output) => return check::run(config, output).await,
        Command::Doctor(output) => return doctor::run(config, output).await,
        Command::Connect(arguments) => connect::connect(config, arguments).await?,
        Command::Disconnect(arguments) => connect::disconnect(config, arguments).await?,
        Command::Webhooks(arguments) => webhooks::run(config, arguments).await?,
        Command::CatchUp(arguments) => catch_up::run(config, arguments).await?,
        Command::Plugin(command) => return plugin::run(config, command).await,
        Command::Events(list) => events::list(config, list).await?,
        Command::Event(show) => events::show(config, show).await?,
        Command::Replay(arguments) => return replay::run(config, arguments).await,
        Command::Users(command) => users::run(config, command).await?,
        Command::People(arguments) => people::run(config, arguments).await?,
        Command::Import(arguments) => import::run(config, arguments).await?,
        Command::Watchlist(command) => watchlist::run(config, command).await?,
        Command::Mapping(command) => mapping::run(config, command).await?,
        Command::Jobs(arguments) => jobs::run(config, arguments).await?,
        Command::Outbox(command) => outbox::run(config, command).await?,
        Command::Notify(command) => notify::run(config, command).await?,
        Command::Record(command) => return record::run(config, command).await,
        Command::Token => token::run(&config)?,
        Command::Health => health::run(&config).await?,
        Command::Export(arguments) => export::run(config, arguments).await?,
        Command::Backup(arguments) => backup::write(config, arguments).await?,
        Command::Restore(arguments) => backup::restore(&config, arguments)?,
        Command::Store(command) => store::run(command).await?,
        Command::Init(_) | Command::Completions { .. } | Command::Compile { .. } => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// The daemon tells what it does; a command has an output of its own, and only complains.
fn start_log(command: &Command) -> Result<(), CliError> {
    let default = if matches!(command, Command::Serve) { "info" } else { "warn" };
    logging::start(default).map_err(|error| CliError::Other(format!("{LOG_VARIABLE}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_well_formed() {
        Arguments::command().debug_assert();
    }
}
