//! Whose plays are whose: a person has accounts on several servers, and may have read their past from files.

use jiff::tz::TimeZone;

use crate::model::{User, normalize};
use crate::play::Viewer;
use crate::routing::route::UserRule;

/// The server of plays that come from files: its users are the people themselves.
pub const IMPORTED: &str = "import";

/// Somebody whose history is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    /// The name.
    pub name: String,
    /// Their accounts on servers.
    pub accounts: Vec<ServerAccount>,
    /// In whose days their plays are counted.
    pub zone: TimeZone,
}

/// An account on a media server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAccount {
    /// The user.
    pub user: UserRule,
    /// The source that reports them; absent for any source.
    pub source: Option<String>,
}

impl ServerAccount {
    /// Reads an account as it stands in the configuration: a user as in a route, and `@SOURCE` where only one source is meant. `is_source` tells
    /// names of sources from the rest of a name: names may be addresses of e-mail.
    pub fn parse(text: &str, is_source: impl Fn(&str) -> bool) -> Self {
        match text.rsplit_once('@') {
            Some((user, source)) if is_source(source.trim()) => {
                Self { user: UserRule::parse(user), source: Some(source.trim().to_owned()) }
            }
            _ => Self { user: UserRule::parse(text), source: None },
        }
    }

    fn is_of<'a>(&self, user: &User, mut sources: impl Iterator<Item = &'a String>) -> bool {
        self.user.names(user)
            && self.source.as_ref().is_none_or(|source| sources.any(|known| known == source))
    }
}

/// A viewer, as the store knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenViewer {
    /// Who.
    pub viewer: Viewer,
    /// With the name, as last reported.
    pub user: User,
    /// The sources that have reported them.
    pub sources: Vec<String>,
}

impl Person {
    /// Whether somebody's plays are this person's.
    pub fn is(&self, seen: &SeenViewer) -> bool {
        if seen.viewer.server == IMPORTED {
            return normalize(&seen.viewer.user) == normalize(&self.name);
        }
        self.accounts.iter().any(|account| account.is_of(&seen.user, seen.sources.iter()))
    }

    /// The viewer of what this person reads from files.
    pub fn imported(&self) -> Viewer {
        Viewer { server: IMPORTED.to_owned(), user: self.name.clone() }
    }
}

/// Everybody whose plays are there: those of the configuration, and everybody else under the own name. `zone` is theirs who have none.
pub fn everybody(configured: &[Person], seen: &[SeenViewer], zone: &TimeZone) -> Vec<Person> {
    let mut people = configured.to_vec();
    for viewer in seen {
        if people.iter().any(|person| person.is(viewer)) {
            continue;
        }
        let name = viewer.viewer.name(&viewer.user).trim().to_owned();
        let user = match viewer.user.name {
            Some(_) => UserRule::Name(normalize(&name)),
            None => UserRule::Id(viewer.viewer.user.clone()),
        };
        let account = ServerAccount { user, source: None };
        people.push(Person { name, accounts: vec![account], zone: zone.clone() });
    }
    people
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(server: &str, user: &str, name: Option<&str>, source: &str) -> SeenViewer {
        SeenViewer {
            viewer: Viewer { server: server.to_owned(), user: user.to_owned() },
            user: User { id: Some(user.to_owned()), name: name.map(str::to_owned), ..User::default() },
            sources: vec![source.to_owned()],
        }
    }

    fn person(name: &str, accounts: &[&str]) -> Person {
        let is_source = |name: &str| ["home", "attic"].contains(&name);
        let accounts = accounts.iter().map(|text| ServerAccount::parse(text, is_source)).collect();
        Person { name: name.to_owned(), accounts, zone: TimeZone::UTC }
    }

    #[test]
    fn an_account_is_of_one_source_or_of_any() {
        let mia = person("Mia", &["mia@attic", "mia@example.com", "id:7@home"]);
        for (viewer, is) in [
            (seen("s", "1", Some("MIA"), "attic"), true),
            (seen("s", "1", Some("mia"), "home"), false),
            (seen("s", "2", Some("mia@example.com"), "home"), true),
            (seen("s", "7", None, "home"), true),
            (seen("s", "7", None, "attic"), false),
            (seen(IMPORTED, "mia", None, ""), true),
            (seen(IMPORTED, "bob", None, ""), false),
        ] {
            assert_eq!(mia.is(&viewer), is, "{viewer:?}");
        }
    }

    #[test]
    fn whom_nobody_configured_stands_under_the_own_name() {
        let seen = [
            seen("a", "1", Some("mia"), "home"),
            seen("a", "2", Some("Bob"), "home"),
            seen("b", "9", Some("bob"), "attic"),
            seen("b", "10", None, "attic"),
        ];
        let people = everybody(&[person("Mia", &["mia"])], &seen, &TimeZone::UTC);
        let names: Vec<&str> = people.iter().map(|person| person.name.as_str()).collect();
        assert_eq!(names, ["Mia", "Bob", "10"]);
        assert!(people[1].is(&seen[2]), "the same name on another server");
        assert!(people[2].is(&seen[3]), "a viewer without a name is found by the id");
    }
}
