//! `playrelay users`

use clap::Subcommand;
use playrelay_engine::model::User;
use playrelay_engine::routing::users::{KnownUser, UserDecision};
use serde::Serialize;

use crate::app::{open_store, open_store_to_read};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::print::{Table, columns, when};
use crate::config::Config;
use crate::operations::users;
use crate::operations::users::RoutedUser;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// List users that no route mentions, those seen last first.
    List {
        /// Also those that routes mention, with where their plays go.
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Send somebody's plays to a tracker, those too that were held until now.
    Assign {
        /// The name or id, as `users list` shows it.
        user: String,
        /// Names of tracker accounts in the configuration.
        #[arg(required = true)]
        trackers: Vec<String>,
        /// The source, if several sources have a user of this name.
        #[arg(long, value_name = "NAME")]
        source: Option<String>,
        /// Do not send what was held.
        #[arg(long)]
        from_now: bool,
    },
    /// Ignore a user: nothing is sent for them.
    Ignore {
        /// The name or id, as `users list` shows it.
        user: String,
        /// The source, where several tell of a user of this name.
        #[arg(long, value_name = "NAME")]
        source: Option<String>,
    },
    /// Take `assign` or `ignore` back: from now on the user's plays are held again. What was sent stays sent.
    Unassign {
        /// The name or id, as `users list` shows it.
        user: String,
        /// The source, where several tell of a user of this name.
        #[arg(long, value_name = "NAME")]
        source: Option<String>,
    },
}

pub(crate) async fn run(config: Config, command: Command) -> Result<(), CliError> {
    if let Command::List { all, output } = command {
        return list(&config, all, output).await;
    }
    let store = open_store(&config).await?;
    match command {
        Command::List { .. } => Ok(()),
        Command::Unassign { user, source } => {
            let user = users::find(&*store, &user, source.as_deref()).await?;
            users::unassign(&*store, &user).await?;
            say!("plays of {} of {} are held from now on; what was sent stays sent", user.user, user.source);
            Ok(())
        }
        Command::Assign { user, trackers, source, from_now } => {
            users::check_trackers(&config, &trackers)?;
            let user = users::find(&*store, &user, source.as_deref()).await?;
            users::assign(&*store, &config, &user, &trackers, from_now).await?;
            say!("{} of {} goes to {} from now on", user.user, user.source, trackers.join(", "));
            Ok(())
        }
        Command::Ignore { user, source } => {
            let user = users::find(&*store, &user, source.as_deref()).await?;
            users::ignore(&*store, &user).await?;
            say!("nothing is sent for {} of {}", user.user, user.source);
            Ok(())
        }
    }
}

/// Everybody, for a list of all.
#[derive(Serialize)]
struct Everybody {
    routed: Vec<RoutedUser>,
    people: Vec<KnownUser>,
}

async fn list(config: &Config, all: bool, output: Output) -> Result<(), CliError> {
    let looked = open_store_to_read(config).await?;
    let people = looked.store.users().await?;
    let mut table = Table::default();
    if !all {
        for person in &people {
            table.row(row(person, config));
        }
        return output.print(&people, |people| match (people.is_empty(), config.routes.is_empty()) {
            (true, true) => "nobody is held: there is no route yet, so plays are only recorded; `--all` lists who was seen\n".to_owned(),
            (true, false) => {
                "nobody is held: every user seen so far is mentioned by a route; `--all` lists them\n".to_owned()
            }
            (false, _) => table.text(columns()),
        });
    }
    let routed = users::routed(&*looked.store, config).await?;
    for it in &routed {
        let goes = format!("to {}; {}", it.trackers.join(", "), it.last_item);
        table.row([shown(&it.user), it.source.clone(), when(it.last_seen), "routed".to_owned(), goes]);
    }
    for person in &people {
        table.row(row(person, config));
    }
    output.print(&Everybody { routed, people }, |it| match it.routed.is_empty() && it.people.is_empty() {
        true => "nobody has been seen yet\n".to_owned(),
        false => table.text(columns()),
    })
}

/// The name, or the id of a user without a name.
fn shown(user: &User) -> String {
    user.name.clone().filter(|name| !name.trim().is_empty()).unwrap_or_else(|| user.to_string())
}

fn row(person: &KnownUser, config: &Config) -> [String; 5] {
    let is_named =
        config.routes.iter().any(|route| route.source == person.source && route.names(&person.user));
    let (decision, goes) = match &person.decision {
        UserDecision::Held if is_named => ("routed", "mentioned by a route by now".to_owned()),
        UserDecision::Held => ("held", person.last_item.clone()),
        UserDecision::Ignored => ("ignored", person.last_item.clone()),
        UserDecision::Assigned { trackers, .. } => {
            ("assigned", format!("to {}; {}", trackers.join(", "), person.last_item))
        }
    };
    [person.user.to_string(), person.source.clone(), when(person.last_seen), decision.to_owned(), goes]
}
