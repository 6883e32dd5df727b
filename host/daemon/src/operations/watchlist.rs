//! Watchlists of people, and reading others into them.

use playrelay_store::SharedStore;

use crate::app::App;
use crate::config::{Config, unknown_key_message};
use crate::jobs::spec::JobSpec;
use crate::operations::OperationError;
use crate::operations::people;

/// The job that reads the list of an account into a person's own; with the person's name as it is written.
///
/// # Errors
///
/// Fails where there is no such person or account, and where the account keeps no watchlist.
pub async fn import(app: &App, person: &str, account: &str) -> Result<(String, JobSpec), OperationError> {
    let person = people::find(&app.store, &app.config, person).await?.person.name;
    check_account(app, account)?;
    Ok((person, JobSpec::WatchlistImport { account: account.to_owned() }))
}

fn check_account(app: &App, account: &str) -> Result<(), OperationError> {
    let known = readable(app);
    if known.iter().any(|name| name == account) {
        return Ok(());
    }
    match (app.config.account(account), app.plugin(account)) {
        (None, _) => Err(OperationError::NotFound(unknown_key_message(
            "account",
            account,
            "the configuration",
            &known,
        ))),
        (Some(_), Some(_)) => {
            let list = if known.is_empty() { "no account does".to_owned() } else { known.join(", ") };
            Err(OperationError::Conflict(format!("{account} keeps no watchlist; those that do: {list}")))
        }
        // Its plugin is compiled just now, or its settings are not complete: the job waits for it.
        (Some(_), None) => Ok(()),
    }
}

/// The accounts whose watchlists can be read.
pub fn readable(app: &App) -> Vec<String> {
    let Config { sources, trackers, .. } = &app.config;
    let keeps_list = |name: &&String| {
        app.plugin(name).is_some_and(|(plugin, _)| plugin.manifest.provides.watchlist.is_some())
    };
    sources.keys().chain(trackers.keys()).filter(keeps_list).cloned().collect()
}

/// Takes a title off a person's own list. No service is told.
///
/// # Errors
///
/// Fails where there is no such person, or the title does not stand on the list.
pub async fn remove(
    store: &SharedStore,
    config: &Config,
    person: &str,
    title: i64,
) -> Result<(), OperationError> {
    let person = people::find(store, config, person).await?.person.name;
    match store.remove_from_watchlist(&person, title).await? {
        true => Ok(()),
        false => {
            Err(OperationError::NotFound(format!("title {title} does not stand on the list of {person}")))
        }
    }
}
