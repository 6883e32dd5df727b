//! Routes: from a source to a tracker, for some users; and the events that go there.

use std::fmt;

use crate::event::Action;
use crate::model::{Item, ItemKind, User, normalize};
use crate::policy::Policy;
use crate::routing::filter::Filters;

/// From a source to a tracker, for some users.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// The source's name in the configuration.
    pub source: String,
    /// The tracker account's name in the configuration.
    pub tracker: String,
    /// The users whose plays it sends.
    pub users: Vec<UserRule>,
    /// The filters for their plays.
    pub filters: Filters,
    /// Whether it carries ratings too.
    pub ratings: bool,
    /// Whether an item that was ticked as watched counts.
    pub marks: bool,
    /// Whether the tracker is told when a tick is taken back, which removes what it has.
    pub unwatched: bool,
    /// The titles that a watch removes from watchlists, and the accounts of these.
    pub removal: WatchlistRemoval,
    /// `[scrobble]`, with what the route sets for itself.
    pub policy: Policy,
    /// The actions that the tracker's plugin does not take.
    pub untaken: UnsupportedActions,
}

/// Actions, by their names, that a tracker's plugin says it does not take: nothing of them is put into its outbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnsupportedActions(pub Vec<&'static str>);

impl UnsupportedActions {
    /// Whether an action is one of them.
    pub fn has(&self, action: Action) -> bool {
        self.0.contains(&action.name())
    }
}

/// The titles that a confirmed watch removes from watchlists: none, unless the user switched it on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatchlistRemoval {
    /// A movie that was watched.
    pub movies: bool,
    /// A show whose last aired episode was watched.
    pub shows: bool,
    /// The accounts that keep the lists.
    pub accounts: Vec<String>,
}

impl WatchlistRemoval {
    /// The accounts off whose lists an event takes something: only a watch takes anything off.
    pub fn of(&self, action: Action, item: &Item) -> Vec<String> {
        let on = match (action, &item.kind) {
            (Action::Watched(_), ItemKind::Movie(_)) => self.movies,
            // Specials are no part of what has to be watched.
            (Action::Watched(_), ItemKind::Episode(episode)) => {
                self.shows && episode.season.is_some_and(|season| season > 0)
            }
            _ => false,
        };
        if on { self.accounts.clone() } else { Vec::new() }
    }
}

impl Route {
    /// Whether it names a user.
    pub fn names(&self, user: &User) -> bool {
        self.users.iter().any(|rule| rule.names(user))
    }
}

/// A rule for the users of a route. The route sends only for users that match a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserRule {
    /// `*`: everybody on the server.
    Everybody,
    /// `id:…`: the user with this id.
    Id(String),
    /// `uuid:…`: the user with this id or second id, whatever its case and dashes.
    Uuid(String),
    /// The user with this name, whatever the case of its letters.
    Name(String),
}

impl fmt::Display for UserRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everybody => f.write_str("*"),
            Self::Id(id) => write!(f, "id:{id}"),
            Self::Uuid(uuid) => write!(f, "uuid:{uuid}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl UserRule {
    /// Reads a rule as it stands in the configuration.
    pub fn parse(text: &str) -> Self {
        match text.trim() {
            "*" => Self::Everybody,
            text => match (text.strip_prefix("id:"), text.strip_prefix("uuid:")) {
                (Some(id), _) => Self::Id(id.trim().to_owned()),
                (_, Some(uuid)) => Self::Uuid(bare(uuid)),
                _ => Self::Name(normalize(text)),
            },
        }
    }

    /// Whether it is about a user.
    pub fn names(&self, user: &User) -> bool {
        match self {
            Self::Everybody => true,
            Self::Id(id) => user.id.as_ref() == Some(id),
            Self::Uuid(uuid) => {
                [&user.uuid, &user.id].into_iter().flatten().any(|theirs| bare(theirs) == *uuid)
            }
            Self::Name(name) => user.name.as_deref().is_some_and(|theirs| normalize(theirs) == *name),
        }
    }
}

/// A UUID without its dashes, in lower case.
fn bare(uuid: &str) -> String {
    uuid.trim().chars().filter(|letter| *letter != '-').flat_map(char::to_lowercase).collect()
}
