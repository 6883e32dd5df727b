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
