//! `playrelay users`

use clap::Subcommand;

use super::{Failure, Output};
use crate::clock;
use crate::config::Config;
use crate::dispatch::model::fold;
use crate::dispatch::people::{Decision, Person};
use crate::house::open_store;
use crate::state::Store;

#[derive(Subcommand)]
pub(super) enum Command {
    /// List users whom no route names, those who were seen last first.
    List(Output),
    /// Send somebody's plays to a tracker, those too that were held until now.
    Assign {
        /// The name or id, as `users list` shows it.
        user: String,
        /// Names of tracker accounts in the configuration.
        #[arg(required = true)]
        trackers: Vec<String>,
        /// The source, where several tell of a user of this name.
        #[arg(long, value_name = "NAME")]
        source: Option<String>,
        /// Leave what was held untold.
        #[arg(long)]
        from_now: bool,
    },
    /// Never send anything for somebody, and hold nothing of theirs.
    Ignore {
        /// The name or id, as `users list` shows it.
        user: String,
        /// The source, where several tell of a user of this name.
        #[arg(long, value_name = "NAME")]
        source: Option<String>,
    },
}

pub(super) async fn run(config: Config, command: Command) -> Result<(), Failure> {
    let store = open_store(&config)?;
    match command {
        Command::List(output) => {
            let people = store.people().await?;
            output.print(&people, |people| people.iter().map(|person| line(person, &config)).collect())
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
                carried.then(|| Decision::Assigned { trackers: trackers.clone(), since }).ok_or(missing)
            });
            let person = decided.await?;
            println!("{} of {} goes to {} from now on", person.user, person.source, trackers.join(", "));
            Ok(())
        }
        Command::Ignore { user, source } => {
            let person = decide(&*store, &user, source.as_deref(), |_| Ok(Decision::Ignored)).await?;
            println!("nothing is sent for {} of {}", person.user, person.source);
            Ok(())
        }
    }
}

fn check_tracker(config: &Config, name: &str) -> Result<(), Failure> {
    if config.trackers.contains_key(name) {
        return Ok(());
    }
    let known: Vec<String> = config.trackers.keys().cloned().collect();
    Err(Failure::Other(crate::config::unknown("tracker", name, "the configuration", &known)))
}

/// Finds the one person of a name or id, and says what is to become of their plays.
async fn decide(
    store: &dyn Store,
    user: &str,
    source: Option<&str>,
    decision: impl Fn(&Person) -> Result<Decision, String>,
) -> Result<Person, Failure> {
    let people = store.people().await?;
    let named = fold(user.strip_prefix("id:").unwrap_or(user));
    let is_meant = |person: &&Person| {
        let name = person.user.name.as_deref().unwrap_or_default();
        let is_of_source = source.is_none_or(|source| source == person.source);
        is_of_source && (fold(name) == named || fold(&person.viewer.user) == named)
    };
    let found: Vec<&Person> = people.iter().filter(is_meant).collect();
    match found.as_slice() {
        [] => {
            let known: Vec<String> = people.iter().map(|person| person.user.to_string()).collect();
            Err(Failure::Other(crate::config::unknown("user", user, "the list of held users", &known)))
        }
        [person] => {
            let decision = decision(person).map_err(Failure::Other)?;
            if !store.decide(&person.source, &person.viewer, decision).await? {
                return Err(Failure::Other(format!("{} is no longer in the list", person.user)));
            }
            Ok((*person).clone())
        }
        several => {
            let which = |person: &&Person| format!("id:{} --source {}", person.viewer.user, person.source);
            let which: Vec<_> = several.iter().map(which).collect();
            Err(Failure::Other(format!("{user:?} are several; say which by one of {}", which.join(", "))))
        }
    }
}

fn line(person: &Person, config: &Config) -> String {
    let is_named =
        config.routes.iter().any(|route| route.source == person.source && route.names(&person.user));
    let decision = match &person.decision {
        Decision::Held if is_named => "named by a route by now".to_owned(),
        Decision::Held => "held".to_owned(),
        Decision::Ignored => "ignored".to_owned(),
        Decision::Assigned { trackers, .. } => format!("assigned to {}", trackers.join(", ")),
    };
    format!(
        "{:<24} of {:<10} {decision}; last seen {} with {}\n",
        person.user.to_string(),
        person.source,
        person.last_seen,
        person.last_item
    )
}
