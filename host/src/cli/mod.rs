//! The commands, each thin.

mod catch_up;
mod check;
mod connect;
mod doctor;
mod events;
mod outbox;
mod plugin;
mod replay;
mod serve;
mod users;
mod webhooks;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use serde::Serialize;
use tracing_subscriber::EnvFilter;

use crate::config::{self, Config, DEFAULT_FILE};
use crate::delivery::device::LoginError;
use crate::house::HouseError;
use crate::plugins::compile;
use crate::state::StoreError;

/// Names the variable that says what is logged: `info`, `debug`, `warn,plugin=debug`.
const LOG_VARIABLE: &str = "PLAYRELAY_LOG";

/// Carries what people watch on their media servers to the trackers they keep.
#[derive(Parser)]
#[command(name = "playrelay", version, about)]
struct Arguments {
    /// The configuration [default: playrelay.toml in this folder, where there is one].
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the daemon.
    Serve,
    /// Check the configuration and the plugins.
    Check(Output),
    /// Look at each source and tracker from end to end, and say what to do where something is wrong.
    Doctor(Output),
    /// Log a source or a tracker account in.
    Connect(connect::Connect),
    /// Forget the login of a source or a tracker account, and end it at the service where that is possible.
    Disconnect(connect::Disconnect),
    /// Show the addresses to paste into the media servers. They contain secret tokens.
    Webhooks(webhooks::Arguments),
    /// Show what a server's own history has, and enter it.
    CatchUp(catch_up::Arguments),
    /// List, inspect and approve plugins.
    #[command(subcommand)]
    Plugin(plugin::Command),
    /// List what was received, and how it ended.
    Events(events::List),
    /// Tell the whole story of one event.
    Event(events::Show),
    /// Read a recorded event, or one from a file, once more, and show what would come of it. Nothing is sent or stored.
    Replay(replay::Arguments),
    /// Say where the plays of users go whom no route names.
    #[command(subcommand)]
    Users(users::Command),
    /// What waits for trackers, and what became of the rest.
    #[command(subcommand)]
    Outbox(outbox::Command),
    #[command(name = compile::COMMAND, hide = true)]
    Compile,
}

/// How to print.
#[derive(Args, Clone, Copy)]
struct Output {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Output {
    /// Prints one of many values, each on a line of its own.
    fn print_line<T: Serialize>(self, value: &T, text: impl FnOnce(&T) -> String) -> Result<(), Failure> {
        if self.json {
            let json = serde_json::to_string(value).map_err(|error| Failure::Other(error.to_string()))?;
            println!("{json}");
        } else {
            print!("{}", text(value));
        }
        Ok(())
    }

    /// Prints a value: as JSON, or as `text` writes it.
    fn print<T: Serialize>(self, value: &T, text: impl FnOnce(&T) -> String) -> Result<(), Failure> {
        if self.json {
            let json =
                serde_json::to_string_pretty(value).map_err(|error| Failure::Other(error.to_string()))?;
            println!("{json}");
        } else {
            print!("{}", text(value));
        }
        Ok(())
    }
}

/// Why a command fails.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    House(#[from] HouseError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Login(#[from] LoginError),
    #[error("{0}")]
    Other(String),
}

/// Runs the command of this process's arguments.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    start_log();
    match execute(arguments) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn execute(arguments: Arguments) -> Result<ExitCode, Failure> {
    if let Command::Compile = arguments.command {
        return compile::run().map(|()| ExitCode::SUCCESS).map_err(Failure::Other);
    }
    let file = arguments.config.or_else(|| Some(PathBuf::from(DEFAULT_FILE)).filter(|path| path.exists()));
    let config = config::load(file.as_deref()).map_err(HouseError::Config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Other(format!("the program cannot start its threads: {error}")))?;
    runtime.block_on(dispatch(arguments.command, config))
}

async fn dispatch(command: Command, config: Config) -> Result<ExitCode, Failure> {
    match command {
        Command::Serve => serve::run(config).await?,
        Command::Check(output) => return check::run(config, output).await,
        Command::Doctor(output) => return doctor::run(config, output).await,
        Command::Connect(arguments) => connect::connect(config, arguments).await?,
        Command::Disconnect(arguments) => connect::disconnect(config, arguments).await?,
        Command::Webhooks(arguments) => webhooks::run(config, arguments).await?,
        Command::CatchUp(arguments) => catch_up::run(config, arguments).await?,
        Command::Plugin(command) => plugin::run(config, command).await?,
        Command::Events(list) => events::list(config, list).await?,
        Command::Event(show) => events::show(config, show).await?,
        Command::Replay(arguments) => return replay::run(config, arguments).await,
        Command::Users(command) => users::run(config, command).await?,
        Command::Outbox(command) => outbox::run(config, command).await?,
        Command::Compile => {}
    }
    Ok(ExitCode::SUCCESS)
}

fn start_log() {
    let filter = EnvFilter::try_from_env(LOG_VARIABLE).unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
}
