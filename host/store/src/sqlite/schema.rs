//! The tables, and how older databases get them.

use rusqlite::Connection;

/// One step per version; a step that has been released is never changed.
const MIGRATIONS: [&str; 7] = [
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
];

/// Brings a database up to this program's version. One of a newer program is refused.
pub fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let version: usize =
        transaction.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0))? as usize;
    if version > MIGRATIONS.len() {
        return Err(rusqlite::Error::ToSqlConversionFailure(
            format!(
                "it was written by a newer Playrelay (schema {version}, this one knows {})",
                MIGRATIONS.len()
            )
            .into(),
        ));
    }
    for (index, migration) in MIGRATIONS.iter().enumerate().skip(version) {
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", u32::try_from(index + 1).unwrap_or(u32::MAX))?;
    }
    transaction.commit()
}
