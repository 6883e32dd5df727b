//! The tables, and how older databases get them.

use crate::Household;
use crate::sql::{self, Connection, SqliteConnection, params};
use crate::tables::play_rows;

/// One step per version; a step that has been released is never changed.
const MIGRATIONS: [&str; 15] = [
    include_str!("migrations/1.sql"),
    include_str!("migrations/2.sql"),
    include_str!("migrations/3.sql"),
    include_str!("migrations/4.sql"),
    include_str!("migrations/5.sql"),
    include_str!("migrations/6.sql"),
    include_str!("migrations/7.sql"),
    include_str!("migrations/8.sql"),
    include_str!("migrations/9.sql"),
    include_str!("migrations/10.sql"),
    include_str!("migrations/11.sql"),
    include_str!("migrations/12.sql"),
    include_str!("migrations/13.sql"),
    include_str!("migrations/14.sql"),
    include_str!("migrations/15.sql"),
];

/// The version whose tables hold what only this program can find out: which plays are of one title.
const LIBRARY: usize = 13;

/// The schema of a database: 0 where it has no table yet.
pub fn version(connection: &rusqlite::Connection) -> rusqlite::Result<usize> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0))? as usize)
}

/// The schema that this program writes.
pub const CURRENT: usize = MIGRATIONS.len();

/// Brings a database up to this program's version.
///
/// # Errors
///
/// A newer program wrote it, or a statement failed. The database is unchanged then.
pub fn migrate(connection: rusqlite::Connection) -> sql::Result<Connection> {
    migrate_to(connection, CURRENT)
}

fn migrate_to(connection: rusqlite::Connection, target: usize) -> sql::Result<Connection> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let version = version(&connection)?;
    if version > target {
        return Err(sql::Error::Newer(format!(
            "it was written by a newer Playrelay (schema {version}, this one knows {target}); start that one, or put back a copy \
             that an older one wrote: `playrelay.db.before-schema-{version}`"
        )));
    }
    for migration in MIGRATIONS.iter().take(target).skip(version) {
        connection.execute_batch(migration)?;
    }
    connection.pragma_update(None, "user_version", u32::try_from(target).unwrap_or(u32::MAX))?;
    let connection = Connection::Sqlite(SqliteConnection(connection));
    if (1..LIBRARY).contains(&version) && target >= LIBRARY {
        fill_library(&connection)?;
    }
    connection.commit()?;
    Ok(connection)
}

/// Fills the tables of the library, of each household.
fn fill_library(connection: &Connection) -> sql::Result<()> {
    let households: Vec<String> = connection
        .prepare_cached("SELECT household FROM plays UNION SELECT household FROM ratings")?
        .query_map(params![], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    households.iter().try_for_each(|name| {
        connection.within(&Household::new(name.as_str()), None, || play_rows::fill_library(connection))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The connection of SQLite itself.
    fn plain(connection: Connection) -> rusqlite::Connection {
        match connection {
            Connection::Sqlite(sqlite) => sqlite.0,
            Connection::Postgres(_) => unreachable!("only files are opened here"),
        }
    }

    fn at_version(version: usize) -> rusqlite::Connection {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        sql::household::register(&connection).unwrap();
        plain(migrate_to(connection, version).unwrap())
    }

    fn all<T: rusqlite::types::FromSql>(connection: &rusqlite::Connection, query: &str) -> Vec<T> {
        let mut statement = connection.prepare(query).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    }

    /// What version 6 knew by a note has a state of its own in version 7.
    #[test]
    fn deliveries_with_the_note_of_a_withheld_one_get_its_state() {
        let connection = at_version(6);
        for note in ["the pause was over before it was told", "superseded by \u{201c}watched\u{201d}"] {
            connection
                .execute(
                    "INSERT INTO outbox (inbox, tracker, subject, action, weight, body, next_at, state, note)
                     VALUES (1, 'bob', 'play', 'playing', 'presence', '{}', 0, 'superseded', ?1)",
                    [note],
                )
                .unwrap();
        }
        let connection = plain(migrate(connection).unwrap());
        let states: Vec<String> = all(&connection, "SELECT state FROM outbox ORDER BY id");
        assert_eq!(states, ["withheld", "superseded"]);
    }

    /// Version 8 puts a household in front of every key, and keeps every row.
    #[test]
    fn rows_without_a_household_are_those_of_home() {
        let connection = at_version(7);
        connection
            .execute_batch(
                "INSERT INTO inbox (source, received_at, request) VALUES ('s', 1, x'00');
                 INSERT INTO outbox (inbox, tracker, subject, action, weight, body, next_at)
                     VALUES (1, 't', 'p', 'watched', 'watch', '{}', 0);
                 INSERT INTO plays VALUES ('p', 'server', 'user', 1, 2, 3, 4, '{\"item\":{\"server_ref\":\"9\"}}');
                 INSERT INTO accounts VALUES ('t', '{}');
                 INSERT INTO credentials VALUES ('t', x'01');
                 INSERT INTO look_ups VALUES ('s', 'i', '{}', 9);
                 INSERT INTO plugin_values VALUES ('a', 'k', x'02', NULL);
                 INSERT INTO ratings VALUES ('server', 'user', 'i', 5, '{}');
                 INSERT INTO people VALUES ('s', 'server', 'user', 6, '{}');
                 INSERT INTO request_counts VALUES ('t', '2026-11-21', 7, 8);
                 INSERT INTO removals VALUES ('k', 9);
                 INSERT INTO approvals (id, digest, permissions, approved_at) VALUES ('x', 'd', 'p', 1);",
            )
            .unwrap();
        let connection = plain(migrate(connection).unwrap());
        for table in [
            "inbox",
            "outbox",
            "plays",
            "accounts",
            "credentials",
            "look_ups",
            "plugin_values",
            "ratings",
            "people",
            "request_counts",
            "removals",
            "versions",
        ] {
            let households: Vec<String> = all(&connection, &format!("SELECT household FROM {table}"));
            assert_eq!(households, ["home"], "{table}");
        }
        let times: Vec<i64> = all(
            &connection,
            "SELECT started_at FROM plays UNION ALL SELECT last_seen_at FROM plays UNION ALL SELECT ended_at FROM plays
             UNION ALL SELECT watched_at FROM plays UNION ALL SELECT at FROM ratings UNION ALL SELECT last_seen FROM people
             UNION ALL SELECT used FROM request_counts UNION ALL SELECT allowed FROM request_counts
             UNION ALL SELECT at FROM removals",
        );
        assert_eq!(times, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
        let repeated = connection.execute(
            "INSERT INTO outbox (household, inbox, tracker, subject, action, weight, body, next_at)
             VALUES ('home', 1, 't', 'p', 'watched', 'watch', '{}', 0)",
            [],
        );
        assert!(repeated.is_err(), "a watch is told once");
    }
}
