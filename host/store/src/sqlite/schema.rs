//! The tables, and how older databases get them.

use rusqlite::Connection;

/// One step per version; a step that has been released is never changed.
const MIGRATIONS: [&str; 8] = [
    "
    CREATE TABLE inbox (
        id          INTEGER PRIMARY KEY AUTOINCREMENT,
        source      TEXT NOT NULL,
        received_at INTEGER NOT NULL,
        request     BLOB NOT NULL,
        settled_at  INTEGER,
        outcome     TEXT,
        code        TEXT,
        detail      TEXT
    ) STRICT;
    CREATE INDEX inbox_pending ON inbox (source, id) WHERE settled_at IS NULL;

    CREATE INDEX inbox_settled ON inbox (settled_at) WHERE settled_at IS NOT NULL;

    CREATE TABLE plays (
        id           TEXT PRIMARY KEY,
        server       TEXT NOT NULL,
        user         TEXT NOT NULL,
        started_at   INTEGER NOT NULL,
        last_seen_at INTEGER NOT NULL,
        ended_at     INTEGER,
        watched_at   INTEGER,
        body         TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX plays_open ON plays (ended_at);
    CREATE VIEW sessions AS SELECT * FROM plays WHERE ended_at IS NULL;

    CREATE TABLE timeline (
        id    INTEGER PRIMARY KEY,
        inbox INTEGER NOT NULL,
        at    INTEGER NOT NULL,
        stage TEXT NOT NULL,
        code  TEXT NOT NULL,
        text  TEXT NOT NULL
    ) STRICT;
    CREATE INDEX timeline_inbox ON timeline (inbox);

    CREATE TABLE outbox (
        id         INTEGER PRIMARY KEY AUTOINCREMENT,
        inbox      INTEGER NOT NULL,
        tracker    TEXT NOT NULL,
        subject    TEXT NOT NULL,
        action     TEXT NOT NULL,
        weight     TEXT NOT NULL,
        body       TEXT NOT NULL,
        next_at    INTEGER NOT NULL,
        state      TEXT NOT NULL DEFAULT 'waiting',
        attempts   INTEGER NOT NULL DEFAULT 0,
        uncertain  INTEGER NOT NULL DEFAULT 0,
        note       TEXT,
        receipt    TEXT,
        settled_at INTEGER
    ) STRICT;
    -- A play is told as watched once per tracker, whatever else goes wrong.
    CREATE UNIQUE INDEX outbox_watch_once ON outbox (tracker, subject, action) WHERE weight = 'watch';
    CREATE INDEX outbox_waiting ON outbox (tracker, subject, id) WHERE state = 'waiting';
    CREATE INDEX outbox_inbox ON outbox (inbox);

    CREATE TABLE accounts (
        name   TEXT PRIMARY KEY,
        parked TEXT
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE credentials (
        name   TEXT PRIMARY KEY,
        sealed BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE approvals (
        id          TEXT PRIMARY KEY,
        digest      TEXT NOT NULL,
        permissions TEXT NOT NULL,
        approved_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE look_ups (
        source     TEXT NOT NULL,
        item       TEXT NOT NULL,
        body       TEXT NOT NULL,
        expires_at INTEGER NOT NULL,
        PRIMARY KEY (source, item)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE plugin_values (
        account    TEXT NOT NULL,
        key        TEXT NOT NULL,
        value      BLOB NOT NULL,
        expires_at INTEGER,
        PRIMARY KEY (account, key)
    ) STRICT, WITHOUT ROWID;
",
    "
    CREATE TABLE ratings (
        server TEXT NOT NULL,
        user   TEXT NOT NULL,
        item   TEXT NOT NULL,
        at     INTEGER NOT NULL,
        body   TEXT NOT NULL,
        PRIMARY KEY (server, user, item)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX ratings_at ON ratings (at);

    CREATE TABLE people (
        source    TEXT NOT NULL,
        server    TEXT NOT NULL,
        user      TEXT NOT NULL,
        last_seen INTEGER NOT NULL,
        body      TEXT NOT NULL,
        PRIMARY KEY (source, server, user)
    ) STRICT, WITHOUT ROWID;

    CREATE INDEX inbox_repeats ON inbox (settled_at) WHERE code = 'no-change';
    ALTER TABLE outbox ADD COLUMN later INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX outbox_subject ON outbox (tracker, subject, id);
",
    "
    CREATE TABLE request_counts (
        account TEXT PRIMARY KEY,
        day     TEXT NOT NULL,
        used    INTEGER NOT NULL,
        allowed INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    -- What was taken off a watchlist, or is about to be.
    CREATE TABLE removals (
        key TEXT PRIMARY KEY,
        at  INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX removals_at ON removals (at);
    ALTER TABLE outbox ADD COLUMN since INTEGER;
",
    "
    CREATE INDEX plays_seen ON plays (server, last_seen_at);
",
    "
    CREATE INDEX plays_item ON plays (server, json_extract(body, '$.item.server_ref'));
",
    "
    -- Whom and what a request is about, for lists.
    ALTER TABLE inbox ADD COLUMN user TEXT;
    ALTER TABLE inbox ADD COLUMN item TEXT;
    CREATE INDEX inbox_source ON inbox (source, id);
    -- The next delivery is looked for in what waits, however much is kept.
    CREATE INDEX outbox_due ON outbox (tracker, next_at) WHERE state = 'waiting';
    CREATE INDEX outbox_queue ON outbox (tracker, id) WHERE state = 'waiting';
    -- Grows with each change of the list of people.
    CREATE TABLE versions (name TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO versions (name, version) VALUES ('people', 1);
    -- A random name of this installation: part of what trackers know events by.
    CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO facts (name, value) VALUES ('installation', lower(hex(randomblob(8))));
    -- What somebody was shown when they approved.
    ALTER TABLE approvals ADD COLUMN shown TEXT;
    -- The small stores belong to a plugin and an account; what is in there is a cache.
    DELETE FROM plugin_values WHERE account NOT LIKE 'host:%';
",
    "
    -- A delivery that is withheld has a state of its own, and is no longer known by its note.
    UPDATE outbox SET state = 'withheld'
    WHERE state = 'superseded' AND note = 'the pause was over before it was told';
",
    "
    -- A household stands in front of every key. What is there is that of the household 'home'. Approvals and facts are the program's.
    ALTER TABLE inbox ADD COLUMN household TEXT NOT NULL DEFAULT 'home';
    ALTER TABLE outbox ADD COLUMN household TEXT NOT NULL DEFAULT 'home';
    DROP VIEW sessions;

    CREATE TABLE new_plays (
        household TEXT NOT NULL,
        id TEXT NOT NULL,
        server TEXT NOT NULL,
        user TEXT NOT NULL,
        started_at INTEGER NOT NULL,
        last_seen_at INTEGER NOT NULL,
        ended_at INTEGER,
        watched_at INTEGER,
        body TEXT NOT NULL,
        PRIMARY KEY (household, id)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO new_plays (household, id, server, user, started_at, last_seen_at, ended_at, watched_at, body) SELECT 'home', id, server, user, started_at, last_seen_at, ended_at, watched_at, body FROM plays;
    DROP TABLE plays;
    ALTER TABLE new_plays RENAME TO plays;

    CREATE TABLE new_accounts (
        household TEXT NOT NULL,
        name TEXT NOT NULL,
        parked TEXT,
        PRIMARY KEY (household, name)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO new_accounts (household, name, parked) SELECT 'home', name, parked FROM accounts;
    DROP TABLE accounts;
    ALTER TABLE new_accounts RENAME TO accounts;

    CREATE TABLE new_credentials (
        household TEXT NOT NULL,
        name TEXT NOT NULL,
        sealed BLOB NOT NULL,
        PRIMARY KEY (household, name)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO new_credentials (household, name, sealed) SELECT 'home', name, sealed FROM credentials;
    DROP TABLE credentials;
    ALTER TABLE new_credentials RENAME TO credentials;

    CREATE TABLE new_look_ups (
        household TEXT NOT NULL,
        source TEXT NOT NULL,
        item TEXT NOT NULL,
        body TEXT NOT NULL,
        expires_at INTEGER NOT NULL,
        PRIMARY KEY (household, source, item)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO new_look_ups (household, source, item, body, expires_at) SELECT 'home', source, item, body, expires_at FROM look_ups;
    DROP TABLE look_ups;
    ALTER TABLE new_look_ups RENAME TO look_ups;

    CREATE TABLE new_plugin_values (
        household TEXT NOT NULL,
        account TEXT NOT NULL,
        key TEXT NOT NULL,
        value BLOB NOT NULL,
        expires_at INTEGER,
        PRIMARY KEY (household, account, key)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO new_plugin_values (household, account, key, value, expires_at) SELECT 'home', account, key, value, expires_at FROM plugin_values;
    DROP TABLE plugin_values;
    ALTER TABLE new_plugin_values RENAME TO plugin_values;

    CREATE TABLE new_ratings (
        household TEXT NOT NULL,
        server TEXT NOT NULL,
        user TEXT NOT NULL,
        item TEXT NOT NULL,
        at INTEGER NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (household, server, user, item)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO new_ratings (household, server, user, item, at, body) SELECT 'home', server, user, item, at, body FROM ratings;
    DROP TABLE ratings;
    ALTER TABLE new_ratings RENAME TO ratings;

    CREATE TABLE new_people (
        household TEXT NOT NULL,
        source TEXT NOT NULL,
        server TEXT NOT NULL,
        user TEXT NOT NULL,
        last_seen INTEGER NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (household, source, server, user)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO new_people (household, source, server, user, last_seen, body) SELECT 'home', source, server, user, last_seen, body FROM people;
    DROP TABLE people;
    ALTER TABLE new_people RENAME TO people;

    CREATE TABLE new_request_counts (
        household TEXT NOT NULL,
        account TEXT NOT NULL,
        day TEXT NOT NULL,
        used INTEGER NOT NULL,
        allowed INTEGER NOT NULL,
        PRIMARY KEY (household, account)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO new_request_counts (household, account, day, used, allowed) SELECT 'home', account, day, used, allowed FROM request_counts;
    DROP TABLE request_counts;
    ALTER TABLE new_request_counts RENAME TO request_counts;

    CREATE TABLE new_removals (
        household TEXT NOT NULL,
        key TEXT NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (household, key)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO new_removals (household, key, at) SELECT 'home', key, at FROM removals;
    DROP TABLE removals;
    ALTER TABLE new_removals RENAME TO removals;

    CREATE TABLE new_versions (
        household TEXT NOT NULL,
        name TEXT NOT NULL,
        version INTEGER NOT NULL,
        PRIMARY KEY (household, name)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO new_versions (household, name, version) SELECT 'home', name, version FROM versions;
    DROP TABLE versions;
    ALTER TABLE new_versions RENAME TO versions;

    DROP INDEX inbox_pending;
    CREATE INDEX inbox_pending ON inbox (household, source, id) WHERE settled_at IS NULL;
    DROP INDEX inbox_settled;
    CREATE INDEX inbox_settled ON inbox (household, settled_at) WHERE settled_at IS NOT NULL;
    DROP INDEX inbox_repeats;
    CREATE INDEX inbox_repeats ON inbox (household, settled_at) WHERE code = 'no-change';
    DROP INDEX inbox_source;
    CREATE INDEX inbox_source ON inbox (household, source, id);
    DROP INDEX outbox_watch_once;
    CREATE UNIQUE INDEX outbox_watch_once ON outbox (household, tracker, subject, action) WHERE weight = 'watch';
    DROP INDEX outbox_waiting;
    CREATE INDEX outbox_waiting ON outbox (household, tracker, subject, id) WHERE state = 'waiting';
    DROP INDEX outbox_subject;
    CREATE INDEX outbox_subject ON outbox (household, tracker, subject, id);
    DROP INDEX outbox_due;
    CREATE INDEX outbox_due ON outbox (household, tracker, next_at) WHERE state = 'waiting';
    DROP INDEX outbox_queue;
    CREATE INDEX outbox_queue ON outbox (household, tracker, id) WHERE state = 'waiting';
    CREATE INDEX plays_open ON plays (household, ended_at);
    CREATE INDEX plays_seen ON plays (household, server, last_seen_at);
    CREATE INDEX plays_item ON plays (household, server, json_extract(body, '$.item.server_ref'));
    CREATE INDEX ratings_at ON ratings (household, at);
    CREATE INDEX removals_at ON removals (household, at);
",
];

/// Brings a database up to this program's version.
///
/// # Errors
///
/// A newer program wrote it, or a statement failed. The database is unchanged then.
pub fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    migrate_to(connection, MIGRATIONS.len())
}

fn migrate_to(connection: &mut Connection, target: usize) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let version: usize =
        transaction.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0))? as usize;
    if version > target {
        let text = format!("it was written by a newer Playrelay (schema {version}, this one knows {target})");
        return Err(rusqlite::Error::ToSqlConversionFailure(text.into()));
    }
    for (index, migration) in MIGRATIONS.iter().enumerate().take(target).skip(version) {
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", u32::try_from(index + 1).unwrap_or(u32::MAX))?;
    }
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_version(version: usize) -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate_to(&mut connection, version).unwrap();
        connection
    }

    fn all<T: rusqlite::types::FromSql>(connection: &Connection, query: &str) -> Vec<T> {
        let mut statement = connection.prepare(query).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    }

    /// What version 6 knew by a note has a state of its own in version 7.
    #[test]
    fn deliveries_with_the_note_of_a_withheld_one_get_its_state() {
        let mut connection = at_version(6);
        for note in ["the pause was over before it was told", "superseded by \u{201c}watched\u{201d}"] {
            connection
                .execute(
                    "INSERT INTO outbox (inbox, tracker, subject, action, weight, body, next_at, state, note)
                     VALUES (1, 'bob', 'play', 'playing', 'presence', '{}', 0, 'superseded', ?1)",
                    [note],
                )
                .unwrap();
        }
        migrate(&mut connection).unwrap();
        let states: Vec<String> = all(&connection, "SELECT state FROM outbox ORDER BY id");
        assert_eq!(states, ["withheld", "superseded"]);
    }

    /// Version 8 puts a household in front of every key, and keeps every row.
    #[test]
    fn rows_without_a_household_are_those_of_home() {
        let mut connection = at_version(7);
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
        migrate(&mut connection).unwrap();
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
