//! Decisions of a person about users without a route. Their plays are held until then.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::User;
use crate::play::Viewer;

/// The decision about a user's plays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "lowercase")]
pub enum UserDecision {
    /// Nobody has said yet: nothing is sent for them.
    Held,
    /// Nothing is ever sent for them.
    Ignored,
    /// They go to these trackers, as if the routes there named the user.
    Assigned {
        /// The accounts' names in the configuration.
        trackers: Vec<String>,
        /// Watches before this time stay untold; absent where all that was held is told.
        since: Option<Timestamp>,
    },
}

/// A user of a server that no route names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownUser {
    /// The source that has told of them.
    pub source: String,
    /// Who.
    pub viewer: Viewer,
    /// With the name.
    pub user: User,
    /// When they were first seen, UTC.
    pub first_seen: Timestamp,
    /// When they were last seen, UTC.
    pub last_seen: Timestamp,
    /// The title that they watched last.
    pub last_item: String,
    /// The decision.
    #[serde(flatten)]
    pub decision: UserDecision,
}

/// All of them, found by their source and viewer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UserAssignments {
    people: Vec<KnownUser>,
    places: HashMap<String, HashMap<Viewer, usize>>,
}

impl UserAssignments {
    /// From what was stored.
    pub fn new(people: Vec<KnownUser>) -> Self {
        let mut places: HashMap<String, HashMap<Viewer, usize>> = HashMap::new();
        for (place, person) in people.iter().enumerate() {
            places.entry(person.source.clone()).or_default().entry(person.viewer.clone()).or_insert(place);
        }
        Self { people, places }
    }

    /// The decision about a user of a source; absent if the user is unknown.
    pub fn decision(&self, source: &str, viewer: &Viewer) -> Option<&UserDecision> {
        let place = *self.places.get(source)?.get(viewer)?;
        self.people.get(place).map(|person| &person.decision)
    }

    /// Those that were told apart from `before`: somebody has decided something new.
    pub fn decided_since<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = &'a KnownUser> {
        self.people.iter().filter(move |person| {
            person.decision != UserDecision::Held
                && before.decision(&person.source, &person.viewer) != Some(&person.decision)
        })
    }

    /// Everybody.
    pub fn iter(&self) -> impl Iterator<Item = &KnownUser> {
        self.people.iter()
    }
}
