//! `playrelay people`

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::app::{App, Purpose, open_store_to_read};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::print::{Table, columns};
use crate::config::Config;
use crate::operations::{people, private_addresses};

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    output: Output,
}

#[derive(Subcommand)]
enum Command {
    /// List all people with their users on servers, as without a command.
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Show the webhook addresses that belong to one person: what comes there is recorded for them alone. They contain a secret.
    Webhook {
        /// The person's name, from a section [people.NAME].
        person: String,
        /// Make addresses, in place of those before, which end at once.
        #[arg(long, conflicts_with = "delete")]
        new: bool,
        /// Take the addresses away.
        #[arg(long)]
        delete: bool,
        #[command(flatten)]
        output: Output,
    },
}

pub(crate) async fn run(config: Config, arguments: Arguments) -> Result<(), CliError> {
    match arguments.command {
        None => list(&config, arguments.output).await,
        Some(Command::List { output }) => list(&config, output).await,
        Some(Command::Webhook { person, new, delete, output }) => {
            let app = App::open(config, Purpose::Change).await?;
            if delete {
                private_addresses::remove(&app, &person).await?;
                say!("{person} has no webhook address of their own any more");
                return Ok(());
            }
            let addresses = match new {
                true => private_addresses::renew(&app, &person).await?,
                false => private_addresses::list(&app, &person).await?,
            };
            output.print(&addresses, |addresses| {
                if addresses.is_empty() {
                    return format!(
                        "{person} has no webhook address of their own; `playrelay people webhook {person} --new` makes one\n"
                    );
                }
                addresses.iter().map(|it| format!("{}\t{}\n", it.source, it.url)).collect()
            })
        }
    }
}

/// A person, as it is printed.
#[derive(Serialize)]
struct Line {
    name: String,
    timezone: Option<String>,
    users: Vec<String>,
}

async fn list(config: &Config, output: Output) -> Result<(), CliError> {
    let opened = open_store_to_read(config).await?;
    let people = people::all(&opened.store, config).await?;
    let line = |it: people::PersonHistory| Line {
        timezone: it.person.zone.iana_name().map(str::to_owned),
        users: it.seen.iter().map(|seen| seen.user.to_string()).collect(),
        name: it.person.name,
    };
    let lines: Vec<Line> = people.into_iter().map(line).collect();
    output.print(&lines, |lines| {
        if lines.is_empty() {
            return "nobody has watched anything yet, and no section [people.NAME] describes anybody\n"
                .to_owned();
        }
        let mut table = Table::default();
        for line in lines {
            let zone = line.timezone.clone().unwrap_or_default();
            table.row([line.name.clone(), zone, line.users.join(", ")]);
        }
        table.text(columns())
    })
}
