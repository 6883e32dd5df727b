//! `playrelay users`

use std::collections::BTreeMap;

use clap::Subcommand;
use jiff::{SignedDuration, Timestamp};
use playrelay_engine::model::{User, normalize};
use playrelay_engine::play::Viewer;
use playrelay_engine::routing::users::{KnownUser, UserDecision};
use playrelay_store::Store;
use playrelay_util::clock;
use serde::Serialize;

use crate::app::{open_store, open_store_to_read};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::print::{Table, columns, when};
use crate::config::Config;

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
    let store = open_store(&config)?;
    match command {
        Command::List { .. } => Ok(()),
        Command::Unassign { user, source } => {
            let person = decide(&*store, &user, source.as_deref(), |_| Ok(UserDecision::Held)).await?;
            say!(
                "plays of {} of {} are held from now on; what was sent stays sent",
                person.user,
                person.source
            );
            Ok(())
        }
        Command::Assign { user, trackers, source, from_now } => {
            for tracker in &trackers {
                check_tracker(&config, tracker)?;
            }
            let since = from_now.then(clock::now);
            let decided = decide(&*store, &user, source.as_deref(), |person| {
                let carried = config
                    .routes
                    .iter()
                    .any(|route| route.source == person.source && trackers.contains(&route.tracker));
                let missing = format!(
                    "no route leads from {} to {}; add [[routes]] with source = {:?}, the tracker, and users = []",
                    person.source,
                    trackers.join(" or "),
                    person.source
                );
                carried.then(|| UserDecision::Assigned { trackers: trackers.clone(), since }).ok_or(missing)
            });
            let person = decided.await?;
            say!("{} of {} goes to {} from now on", person.user, person.source, trackers.join(", "));
            Ok(())
        }
        Command::Ignore { user, source } => {
            let person = decide(&*store, &user, source.as_deref(), |_| Ok(UserDecision::Ignored)).await?;
            say!("nothing is sent for {} of {}", person.user, person.source);
            Ok(())
        }
    }
}

fn check_tracker(config: &Config, name: &str) -> Result<(), CliError> {
    if config.trackers.contains_key(name) {
        return Ok(());
    }
    let known: Vec<String> = config.trackers.keys().cloned().collect();
    Err(CliError::Other(crate::config::unknown_key_message("tracker", name, "the configuration", &known)))
}

/// Finds the one person of a name or id, and says what is to become of their plays.
async fn decide(
    store: &dyn Store,
    user: &str,
    source: Option<&str>,
    decision: impl Fn(&KnownUser) -> Result<UserDecision, String>,
) -> Result<KnownUser, CliError> {
    let people = store.users().await?;
    let named = normalize(user.strip_prefix("id:").unwrap_or(user));
    let is_meant = |person: &&KnownUser| {
        let name = person.user.name.as_deref().unwrap_or_default();
        let is_of_source = source.is_none_or(|source| source == person.source);
        is_of_source && (normalize(name) == named || normalize(&person.viewer.user) == named)
    };
    let found: Vec<&KnownUser> = people.iter().filter(is_meant).collect();
    match found.as_slice() {
        [] => {
            let known: Vec<String> = people.iter().map(|person| person.user.to_string()).collect();
            let text = crate::config::unknown_key_message(
                "user",
                user,
                "the list of users that no route mentions",
                &known,
            );
            Err(CliError::Other(text + "; whoever a route mentions is managed by its `users`"))
        }
        [person] => {
            let decision = decision(person).map_err(CliError::Other)?;
            if !store.set_user_decision(&person.source, &person.viewer, decision).await? {
                return Err(CliError::Other(format!("{} is no longer in the list", person.user)));
            }
            Ok((*person).clone())
        }
        several => {
            let which = |person: &&KnownUser| format!("id:{} --source {}", person.viewer.user, person.source);
            let which: Vec<_> = several.iter().map(which).collect();
            Err(CliError::Other(format!("{user:?} are several; say which by one of {}", which.join(", "))))
        }
    }
}

/// How far back users are looked for whom a route mentions.
const SEEN_SINCE: SignedDuration = SignedDuration::from_hours(90 * 24);

/// A user whom a route mentions.
#[derive(Serialize)]
struct Routed {
    source: String,
    user: User,
    /// The trackers of their plays, in words.
    trackers: Vec<String>,
    last_seen: Timestamp,
    last_item: String,
}

/// Everybody, for a list of all.
#[derive(Serialize)]
struct Everybody {
    routed: Vec<Routed>,
    people: Vec<KnownUser>,
}

async fn list(config: &Config, all: bool, output: Output) -> Result<(), CliError> {
    let looked = open_store_to_read(config)?;
    let people = looked.store.users().await?;
    let mut table = Table::default();
    if !all {
        for person in &people {
            table.row(row(person, config));
        }
        return output.print(&people, |people| match people.is_empty() {
            true => "nobody is held: every user seen so far is mentioned by a route; `--all` lists them\n"
                .to_owned(),
            false => table.text(columns()),
        });
    }
    let since = clock::now().saturating_sub(SEEN_SINCE).unwrap_or(Timestamp::MIN);
    let mut routed: BTreeMap<(String, Viewer), Routed> = BTreeMap::new();
    let mut plays = looked.store.plays_since(since).await?;
    plays.sort_by_key(|play| play.last_seen_at);
    for play in plays {
        for source in &play.origin.sources {
            let routes =
                config.routes.iter().filter(|route| route.source == *source && route.names(&play.user));
            let mut trackers: Vec<String> = routes.map(|route| route.tracker.clone()).collect();
            trackers.dedup();
            if !trackers.is_empty() {
                let routed_user = Routed {
                    source: source.clone(),
                    user: play.user.clone(),
                    trackers,
                    last_seen: play.last_seen_at,
                    last_item: play.item.to_string(),
                };
                routed.insert((source.clone(), play.viewer.clone()), routed_user);
            }
        }
    }
    let mut routed: Vec<Routed> = routed.into_values().collect();
    routed.sort_by_key(|it| std::cmp::Reverse(it.last_seen));
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
