//! `playrelay webhooks`

use clap::Subcommand;

use crate::app::{App, Purpose};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::config::Config;
use crate::operations::webhooks;
use crate::operations::webhooks::WebhookAddress;
use crate::webhooks::registration::RegistrationAction;

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
    match webhooks::perform(&app, &source, wish).await? {
        true => say!("{source}: the server sends its webhooks here."),
        false if wish == RegistrationAction::Remove => {
            say!("{source}: the server sends no webhooks here any more.");
        }
        false => {
            return Err(CliError::Other(format!(
                "the server of {source} does not send its webhooks here; `playrelay webhooks register {source}` has it do so"
            )));
        }
    }
    Ok(())
}

async fn list(app: &App, output: Output) -> Result<(), CliError> {
    let addresses = webhooks::addresses(app).await?;
    output.print(&addresses, |addresses| {
        if addresses.is_empty() {
            return "no sources are configured\n".to_owned();
        }
        let line = |address: &WebhookAddress| {
            let old = address.old_token_until.map(|until| format!("\tthe old token works until {until}"));
            let used = address.old_token_used_at.map(|at| format!("\tand was used at {at}"));
            let (old, used) = (old.unwrap_or_default(), used.unwrap_or_default());
            format!("{}\t{}{old}{used}\n", address.source, address.url)
        };
        addresses.iter().map(line).collect()
    })
}

async fn rotate_token(app: &App, source: &str, grace: i64, force: bool) -> Result<(), CliError> {
    let tokens = webhooks::rotate_token(app, source, grace, force).await?;
    say!("{source}: {}/webhook/{source}/{}", app.base_url(), tokens.current.expose());
    say!("`playrelay webhooks register {source}` tells its server, or enter the address there.");
    if let Some(until) = tokens.old_until() {
        say!("The old token works until {until}; `playrelay webhooks` shows whether it is still used.");
    }
    Ok(())
}
