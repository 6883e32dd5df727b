//! `playrelay webhooks`

use clap::Subcommand;
use jiff::{SignedDuration, Timestamp};
use playrelay_store::vault::VaultError;
use playrelay_store::watermarks;
use playrelay_store::watermarks::Watermark;
use serde::Serialize;

use crate::app::{App, AppError, Purpose};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::config::{Config, unknown_key_message};
use crate::webhooks::registration::{Registration, RegistrationAction, encode_path_segment, rotate};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    output: Output,
}

#[derive(Subcommand)]
enum Command {
    /// Show the addresses, as without a command.
    List,
    /// Have a source's server send its webhooks here.
    Register {
        /// The source's name in the configuration.
        source: String,
    },
    /// Ask a source's server whether it does.
    Verify {
        /// The source's name in the configuration.
        source: String,
    },
    /// Have it stop.
    Remove {
        /// The source's name in the configuration.
        source: String,
    },
    /// Give a source's address another token.
    Rotate {
        /// The source's name in the configuration.
        source: String,
        /// For how many hours the old one still works.
        #[arg(long, default_value_t = 48, value_parser = clap::value_parser!(i64).range(0..=8760))]
        grace: i64,
        /// Even if the old token is still valid: it stops working now.
        #[arg(long)]
        force: bool,
    },
}

#[derive(Serialize)]
struct Address {
    source: String,
    url: String,
    /// Until when the token before still works.
    #[serde(skip_serializing_if = "Option::is_none")]
    old_token_until: Option<Timestamp>,
    /// When the token before was used last.
    #[serde(skip_serializing_if = "Option::is_none")]
    old_token_used_at: Option<Timestamp>,
}

pub(crate) async fn run(config: Config, arguments: Arguments) -> Result<(), CliError> {
    let app = App::open(config, Purpose::Change).await?;
    let (source, wish) = match arguments.command {
        None | Some(Command::List) => return list(&app, arguments.output).await,
        Some(Command::Rotate { source, grace, force }) => {
            return rotate_token(&app, &source, grace, force).await;
        }
        Some(Command::Register { source }) => (source, RegistrationAction::Register),
        Some(Command::Verify { source }) => (source, RegistrationAction::Verify),
        Some(Command::Remove { source }) => (source, RegistrationAction::Remove),
    };
    let registration = find(&app, &source).await?;
    if app.config.server.public_url.is_none() {
        let text = "set `public_url` in [server] to the address at which your media server reaches Playrelay, \
                    \"http://192.168.1.5:8787\"";
        return Err(CliError::Other(text.to_owned()));
    }
    match registration.perform(wish, app.credentials.vault()).await {
        Ok(true) => say!("{source}: the server sends its webhooks here."),
        Ok(false) if wish == RegistrationAction::Remove => {
            say!("{source}: the server sends no webhooks here any more.");
        }
        Ok(false) => {
            return Err(CliError::Other(format!(
                "the server of {source} does not send its webhooks here; `playrelay webhooks register {source}` has it do so"
            )));
        }
        Err(reason) => {
            let by_hand = if wish == RegistrationAction::Register {
                registration.instructions()
            } else {
                String::new()
            };
            let by_hand = if by_hand.is_empty() { by_hand } else { format!("\nBy hand: {by_hand}") };
            return Err(CliError::Other(format!("{reason}{by_hand}")));
        }
    }
    Ok(())
}

async fn list(app: &App, output: Output) -> Result<(), CliError> {
    let mut addresses = Vec::new();
    for source in app.config.sources.keys() {
        let tokens = app.webhook_tokens(source).await?;
        let used = watermarks::read(&app.store, source, Watermark::OldTokenUsed).await?;
        let used = used.filter(|_| tokens.old_until().is_some());
        let url =
            format!("{}/webhook/{source}/{}", app.base_url(), encode_path_segment(tokens.current.expose()));
        addresses.push(Address {
            source: source.clone(),
            url,
            old_token_until: tokens.old_until(),
            old_token_used_at: used,
        });
    }
    output.print(&addresses, |addresses| {
        if addresses.is_empty() {
            return "no sources are configured\n".to_owned();
        }
        let line = |address: &Address| {
            let old = address.old_token_until.map(|until| format!("\tthe old token works until {until}"));
            let used = address.old_token_used_at.map(|at| format!("\tand was used at {at}"));
            let (old, used) = (old.unwrap_or_default(), used.unwrap_or_default());
            format!("{}\t{}{old}{used}\n", address.source, address.url)
        };
        addresses.iter().map(line).collect()
    })
}

async fn rotate_token(app: &App, source: &str, grace: i64, force: bool) -> Result<(), CliError> {
    let configured = app.config.sources.get(source);
    let known: Vec<String> = app.config.sources.keys().cloned().collect();
    let configured = configured
        .ok_or_else(|| CliError::Other(unknown_key_message("source", source, "the configuration", &known)))?;
    if configured.source.webhook_token.is_some() {
        return Err(CliError::Other(format!(
            "{}: [sources.{source}] has a `webhook_token` of its own; change it there, or remove it and Playrelay keeps one",
            configured.place
        )));
    }
    let before = match app.webhook_tokens(source).await {
        Err(AppError::Vault(VaultError::WrongKey(_))) if force => None,
        before => before?.old_until(),
    };
    if let Some(until) = before.filter(|_| !force) {
        return Err(CliError::Other(format!(
            "the previous token is valid until {until}; use --force to end it now"
        )));
    }
    let rotated = rotate(app.credentials.vault(), source, SignedDuration::from_hours(grace)).await;
    let tokens = rotated.map_err(AppError::from)?;
    // What is noted is the use of another one.
    watermarks::erase(&app.store, source, Watermark::OldTokenUsed).await?;
    say!("{source}: {}/webhook/{source}/{}", app.base_url(), tokens.current.expose());
    say!("`playrelay webhooks register {source}` tells its server, or enter the address there.");
    if let Some(until) = tokens.old_until() {
        say!("The old token works until {until}; `playrelay webhooks` shows whether it is still used.");
    }
    Ok(())
}

async fn find(app: &App, source: &str) -> Result<Registration, CliError> {
    let known: Vec<String> = app.config.sources.keys().cloned().collect();
    let registration = app.registration(source).await?;
    registration
        .ok_or_else(|| CliError::Other(unknown_key_message("source", source, "the configuration", &known)))
}
