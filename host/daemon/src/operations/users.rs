//! Users: assign their plays to trackers, ignore them, and take that back.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use playrelay_engine::model::{User, normalize};
use playrelay_engine::play::Viewer;
use playrelay_engine::routing::users::{KnownUser, UserDecision};
use playrelay_store::{Store, StoreError};
use playrelay_util::clock;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::config::{Config, unknown_key_message};
use crate::operations::OperationError;

/// How far back users are looked for whom a route mentions.
const SEEN_SINCE: SignedDuration = SignedDuration::from_hours(90 * 24);

/// A user whom a route mentions.
#[derive(Clone, Debug, Serialize)]
pub struct RoutedUser {
    /// The source.
    pub source: String,
    /// The user, as last reported.
    pub user: User,
    /// The trackers of their plays.
    pub trackers: Vec<String>,
    /// When they were last seen, UTC.
    pub last_seen: Timestamp,
    /// What they watched last, in words.
    pub last_item: String,
}

/// The id of a user in the list of those that no route mentions: it stays the same.
pub fn id_of(user: &KnownUser) -> String {
    let key = format!("{}\n{}\n{}", user.source, user.viewer.server, user.viewer.user);
    Sha256::digest(key.as_bytes()).iter().take(10).map(|byte| format!("{byte:02x}")).collect()
}

/// Finds the one user of a name or an id of the server.
///
/// # Errors
///
/// Fails where there is no such user, or several are meant.
pub async fn find(store: &dyn Store, user: &str, source: Option<&str>) -> Result<KnownUser, OperationError> {
    let users = store.users().await?;
    let named = normalize(user.strip_prefix("id:").unwrap_or(user));
    let is_meant = |known: &&KnownUser| {
        let name = known.user.name.as_deref().unwrap_or_default();
        let is_of_source = source.is_none_or(|source| source == known.source);
        is_of_source && (normalize(name) == named || normalize(&known.viewer.user) == named)
    };
    let found: Vec<&KnownUser> = users.iter().filter(is_meant).collect();
    match found.as_slice() {
        [] => {
            let known: Vec<String> = users.iter().map(|known| known.user.to_string()).collect();
            let within = "the list of users that no route mentions";
            let text = unknown_key_message("user", user, within, &known);
            Err(OperationError::NotFound(text + "; whoever a route mentions is managed by its `users`"))
        }
        [only] => Ok((*only).clone()),
        several => {
            let which = |known: &&KnownUser| format!("id:{} --source {}", known.viewer.user, known.source);
            let which: Vec<_> = several.iter().map(which).collect();
            let text = format!("{user:?} are several; say which by one of {}", which.join(", "));
            Err(OperationError::Conflict(text))
        }
    }
}

/// Whether all of these trackers are configured.
///
/// # Errors
///
/// Says which is not, with the nearest name.
pub fn check_trackers(config: &Config, trackers: &[String]) -> Result<(), OperationError> {
    let Some(unknown) = trackers.iter().find(|name| !config.trackers.contains_key(*name)) else {
        return Ok(());
    };
    let known: Vec<String> = config.trackers.keys().cloned().collect();
    Err(OperationError::NotFound(unknown_key_message("tracker", unknown, "the configuration", &known)))
}

/// Sends a user's plays to trackers: those too that were held, unless `from_now`.
///
/// # Errors
///
/// Fails where a tracker is not configured, or no route leads to any of them, and where the database fails.
pub async fn assign(
    store: &dyn Store,
    config: &Config,
    user: &KnownUser,
    trackers: &[String],
    from_now: bool,
) -> Result<(), OperationError> {
    check_trackers(config, trackers)?;
    let routes = &mut config.routes.iter();
    if !routes.any(|route| route.source == user.source && trackers.contains(&route.tracker)) {
        return Err(OperationError::Conflict(format!(
            "no route leads from {} to {}; add [[routes]] with source = {:?}, the tracker, and users = []",
            user.source,
            trackers.join(" or "),
            user.source
        )));
    }
    let since = from_now.then(clock::now);
    decide(store, user, UserDecision::Assigned { trackers: trackers.to_vec(), since }).await
}

/// Sends nothing for a user.
///
/// # Errors
///
/// Fails where the user is no longer in the list, or the database fails.
pub async fn ignore(store: &dyn Store, user: &KnownUser) -> Result<(), OperationError> {
    decide(store, user, UserDecision::Ignored).await
}

/// Takes `assign` or `ignore` back: the user's plays are held again.
///
/// # Errors
///
/// Fails where the user is no longer in the list, or the database fails.
pub async fn unassign(store: &dyn Store, user: &KnownUser) -> Result<(), OperationError> {
    decide(store, user, UserDecision::Held).await
}

async fn decide(store: &dyn Store, user: &KnownUser, decision: UserDecision) -> Result<(), OperationError> {
    match store.set_user_decision(&user.source, &user.viewer, decision).await? {
        true => Ok(()),
        false => Err(OperationError::NotFound(format!("{} is no longer in the list", user.user))),
    }
}

/// The users of the last 90 days whom routes mention, those seen last first.
///
/// # Errors
///
/// Fails where the database cannot be read.
pub async fn routed(store: &dyn Store, config: &Config) -> Result<Vec<RoutedUser>, StoreError> {
    let since = clock::now().saturating_sub(SEEN_SINCE).unwrap_or(Timestamp::MIN);
    let mut routed: BTreeMap<(String, Viewer), RoutedUser> = BTreeMap::new();
    let mut plays = store.plays_since(since).await?;
    plays.sort_by_key(|play| play.last_seen_at);
    for play in plays {
        for source in &play.origin.sources {
            let routes =
                config.routes.iter().filter(|route| route.source == *source && route.names(&play.user));
            let mut trackers: Vec<String> = routes.map(|route| route.tracker.clone()).collect();
            trackers.dedup();
            if !trackers.is_empty() {
                let user = RoutedUser {
                    source: source.clone(),
                    user: play.user.clone(),
                    trackers,
                    last_seen: play.last_seen_at,
                    last_item: play.item.to_string(),
                };
                routed.insert((source.clone(), play.viewer.clone()), user);
            }
        }
    }
    let mut routed: Vec<RoutedUser> = routed.into_values().collect();
    routed.sort_by_key(|it| std::cmp::Reverse(it.last_seen));
    Ok(routed)
}
