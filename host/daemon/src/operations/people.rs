//! People: whose plays are whose.

use jiff::tz::TimeZone;
use playrelay_engine::library::person::{Person, SeenViewer, everybody};
use playrelay_engine::model::normalize;
use playrelay_engine::play::Viewer;
use playrelay_store::SharedStore;

use crate::config::{Config, unknown_key_message};
use crate::operations::OperationError;

/// A person, and the viewers that they are.
#[derive(Clone, Debug)]
pub struct PersonHistory {
    /// Who.
    pub person: Person,
    /// Whose plays are theirs, with the names that servers give them.
    pub seen: Vec<SeenViewer>,
}

impl PersonHistory {
    /// The viewers that they are, and that of their imports.
    pub fn viewers(&self) -> Vec<Viewer> {
        let mut viewers: Vec<Viewer> = self.seen.iter().map(|seen| seen.viewer.clone()).collect();
        let imported = self.person.imported();
        if !viewers.contains(&imported) {
            viewers.push(imported);
        }
        viewers
    }
}

/// Everybody: those of the configuration, and everybody else who was seen, under the own name.
///
/// # Errors
///
/// Fails where the database cannot be read.
pub async fn all(store: &SharedStore, config: &Config) -> Result<Vec<PersonHistory>, OperationError> {
    let seen = store.viewers().await?;
    let configured: Vec<Person> = config.people.values().map(|person| person.person.clone()).collect();
    let people = everybody(&configured, &seen, &TimeZone::system());
    let mut left = seen;
    let histories = people.into_iter().map(|person| {
        // Nobody's plays are those of two people: whoever stands first has them.
        let (own, others) = std::mem::take(&mut left).into_iter().partition(|seen| person.is(seen));
        left = others;
        PersonHistory { person, seen: own }
    });
    Ok(histories.collect())
}

/// The person of a name, in any case.
///
/// # Errors
///
/// Fails where there is nobody of the name, and names those that there are; and where the database cannot be read.
pub async fn find(store: &SharedStore, config: &Config, name: &str) -> Result<PersonHistory, OperationError> {
    let people = all(store, config).await?;
    let named = people.iter().find(|it| normalize(&it.person.name) == normalize(name));
    named.cloned().ok_or_else(|| {
        let known: Vec<String> = people.iter().map(|it| it.person.name.clone()).collect();
        let remedy = "; a section [people.NAME] in the configuration makes somebody known who has not watched anything yet";
        OperationError::NotFound(unknown_key_message("person", name, "the library", &known) + remedy)
    })
}
