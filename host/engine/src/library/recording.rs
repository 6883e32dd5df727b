//! What a person's own webhook address records: only what is theirs, and of that what they want.

use crate::code::Code;
use crate::library::person::{Person, SeenViewer};
use crate::model::{Report, User};
use crate::play::Viewer;

/// What is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Records {
    /// Plays and marks.
    pub plays: bool,
    /// Ratings.
    pub ratings: bool,
}

/// A report that came to a person's address: as it is where it is theirs and wanted, and without effect otherwise.
pub fn restrict(report: Report, person: &Person, records: Records, source: &str) -> Report {
    let (server, user, is_wanted, what) = match &report {
        Report::Playback(it) => (&it.server, &it.user, records.plays, "plays"),
        Report::Marked(it) => (&it.server, &it.user, records.plays, "plays"),
        Report::Rated(it) => (&it.server, &it.user, records.ratings, "ratings"),
        Report::Snapshot { .. } => {
            let detail = "a list of sessions is that of a whole server, and this address is one person's";
            return ignored(Code::OtherPerson, detail.to_owned());
        }
        Report::ConnectionLost { .. } | Report::Ignored { .. } => return report,
    };
    if !person.is(&seen(&server.id, user, source)) {
        let detail = format!("{user} is not {}, whose address this is", person.name);
        return ignored(Code::OtherPerson, detail);
    }
    if !is_wanted {
        return ignored(
            Code::NotRecorded,
            format!("`records` of [people.{}] leaves {what} out", person.name),
        );
    }
    report
}

fn seen(server: &str, user: &User, source: &str) -> SeenViewer {
    let viewer = Viewer { server: server.to_owned(), user: user.key().unwrap_or_default().to_owned() };
    SeenViewer { viewer, user: user.clone(), sources: vec![source.to_owned()] }
}

fn ignored(code: Code, detail: String) -> Report {
    Report::Ignored { code: code.to_string(), detail }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    use super::*;
    use crate::library::person::ServerAccount;
    use crate::model::{Item, ItemKind, Movie, Rated, Server};

    fn rated(user: &str) -> Report {
        Report::Rated(Rated {
            server: Server { id: "s".to_owned(), ..Server::default() },
            user: User { name: Some(user.to_owned()), ..User::default() },
            item: Item::of(ItemKind::Movie(Movie::default())),
            rating: Some(8.0),
            library: None,
            paths: Vec::new(),
            at: Timestamp::UNIX_EPOCH,
        })
    }

    #[test]
    fn only_what_is_theirs_and_wanted_is_recorded() {
        let accounts = vec![ServerAccount::parse("mia", |_| false)];
        let mia = Person { name: "mia".to_owned(), accounts, zone: TimeZone::UTC };
        let code = |user, ratings| match restrict(rated(user), &mia, Records { plays: true, ratings }, "home")
        {
            Report::Ignored { code, .. } => code,
            _ => "recorded".to_owned(),
        };
        assert_eq!(
            [code("mia", true), code("mia", false), code("bob", true)],
            ["recorded", "not-recorded", "other-person"]
        );
        let list =
            Report::Snapshot { server: Server::default(), sessions: Vec::new(), at: Timestamp::UNIX_EPOCH };
        let restricted = restrict(list, &mia, Records { plays: true, ratings: true }, "home");
        assert!(matches!(restricted, Report::Ignored { .. }), "nobody else's session ends by it");
    }
}
