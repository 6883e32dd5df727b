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
