//! `playrelay watchlist`

use clap::Subcommand;
use jiff::Timestamp;
use playrelay_store::JobState;
use serde::Serialize;

use crate::app::{App, Purpose, open_store_to_read};
use crate::cli::error::CliError;
use crate::cli::follow::follow;
use crate::cli::jobs::JobLine;
use crate::cli::output::Output;
use crate::cli::print::{Table, columns, when};
use crate::config::Config;
use crate::operations::{people, watchlist};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Show somebody's watchlist.
    Show {
        /// Whose.
        #[arg(long, value_name = "NAME")]
        user: String,
        /// At most so many titles.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
        #[command(flatten)]
        output: Output,
    },
    /// Read the watchlist of a source or a tracker into somebody's own, and wait until it is done. What is missing comes in front, in the order that it
    /// has there.
    Import {
        /// The source or tracker that keeps the list.
        #[arg(long, value_name = "NAME")]
        source: String,
        /// Whose list it is read into.
        #[arg(long, value_name = "NAME")]
        user: String,
        #[command(flatten)]
        output: Output,
    },
}

pub(crate) async fn run(config: Config, command: Command) -> Result<(), CliError> {
    match command {
        Command::Show { user, limit, output } => show(&config, &user, limit, output).await,
        Command::Import { source, user, output } => {
            let app = App::open(config, Purpose::Change).await?;
            let (person, spec) = watchlist::import(&app, &user, &source).await?;
            let ended = follow(&app, &person, &spec).await?;
            let line = JobLine::of(&app.store, &ended).await?;
            if ended.state != JobState::Done {
                let reason = ended.message.unwrap_or_default();
                return Err(CliError::Other(format!("job {} {}: {reason}", ended.id, ended.state.as_str())));
            }
            output.print(&line, |_| format!("{}\n", ended.message.clone().unwrap_or_default()))
        }
    }
}

/// A title, as it is printed.
#[derive(Serialize)]
struct Listed {
    title: String,
    added_at: Timestamp,
    origin: String,
    is_watched: bool,
}

async fn show(config: &Config, user: &str, limit: u32, output: Output) -> Result<(), CliError> {
    let opened = open_store_to_read(config).await?;
    let history = people::find(&opened.store, config, user).await?;
    let listed = opened.store.watchlist(&history.person.name, history.viewers(), 0, limit).await?;
    let lines: Vec<Listed> = listed
        .into_iter()
        .map(|it| Listed {
            title: it.title.item.to_string(),
            added_at: it.added_at,
            origin: it.origin,
            is_watched: it.is_watched,
        })
        .collect();
    output.print(&lines, |lines| {
        if lines.is_empty() {
            return "the watchlist is empty; `playrelay watchlist import` reads one\n".to_owned();
        }
        let mut table = Table::default();
        for line in lines {
            let watched = if line.is_watched { "watched" } else { "" };
            table.row([when(line.added_at), watched.to_owned(), line.title.clone(), line.origin.clone()]);
        }
        table.text(columns())
    })
}
