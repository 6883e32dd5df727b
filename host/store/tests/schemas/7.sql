-- A database of schema 7, as a program of its time left it. Written once; never changed.
BEGIN TRANSACTION;
CREATE TABLE accounts (
    name   TEXT PRIMARY KEY,
    parked TEXT
) STRICT, WITHOUT ROWID;
INSERT INTO "accounts" VALUES('bob','{"kind":"login","reason":"logged out"}');
CREATE TABLE approvals (
    id          TEXT PRIMARY KEY,
    digest      TEXT NOT NULL,
    permissions TEXT NOT NULL,
    approved_at INTEGER NOT NULL
, shown TEXT) STRICT, WITHOUT ROWID;
INSERT INTO "approvals" VALUES('org.example.diary','d1','p1',1763668800000,NULL);
CREATE TABLE credentials (
    name   TEXT PRIMARY KEY,
    sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "credentials" VALUES('bob',X'0102');
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "facts" VALUES('installation','00112233aabbccdd');
CREATE TABLE inbox (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    source      TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    request     BLOB NOT NULL,
    settled_at  INTEGER,
    outcome     TEXT,
    code        TEXT,
    detail      TEXT
, user TEXT, item TEXT) STRICT;
INSERT INTO "inbox" VALUES(1,'home',1763668800000,X'7B226D656469615F74797065223A226170706C69636174696F6E2F6A736F6E222C2268656164657273223A5B5B22686F7374222C2272656C6179225D5D2C227175657279223A5B5D2C22666F726D223A5B5D2C22626F6479223A22227D',1763668801000,'queued','completed','watched to the end',NULL,NULL);
INSERT INTO "inbox" VALUES(2,'home',1763668900000,X'7B226D656469615F74797065223A226170706C69636174696F6E2F6A736F6E222C2268656164657273223A5B5B22686F7374222C2272656C6179225D5D2C227175657279223A5B5D2C22666F726D223A5B5D2C22626F6479223A22227D',NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE look_ups (
    source     TEXT NOT NULL,
    item       TEXT NOT NULL,
    body       TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (source, item)
) STRICT, WITHOUT ROWID;
INSERT INTO "look_ups" VALUES('home','9','{"kind":"movie","title":"Night Train","original_title":null,"year":2011,"ids":{"imdb":"tt0000011"},"runtime_ms":6000000,"server_ref":"9","server_show_ref":null}',4102444800000);
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
, later INTEGER NOT NULL DEFAULT 0, since INTEGER) STRICT;
INSERT INTO "outbox" VALUES(1,1,'bob','play-1','watched','watch','{"tracker":"bob","subject":"play-1","action":"watched","value":98.3,"item":{"kind":"movie","title":"Night Train","original_title":null,"year":2011,"ids":{"imdb":"tt0000011"},"runtime_ms":6000000,"server_ref":"9","server_show_ref":null},"at":"2026-11-20T21:30:00Z","started_at":"2026-11-20T20:00:00Z","not_before":"2026-11-20T21:30:00Z","unlist_from":[]}',1763674200000,'waiting',1,0,'the tracker is down',NULL,NULL,0,NULL);
CREATE TABLE people (
    source    TEXT NOT NULL,
    server    TEXT NOT NULL,
    user      TEXT NOT NULL,
    last_seen INTEGER NOT NULL,
    body      TEXT NOT NULL,
    PRIMARY KEY (source, server, user)
) STRICT, WITHOUT ROWID;
INSERT INTO "people" VALUES('home','machine-1','8',1763668800000,'{"source":"home","viewer":{"server":"machine-1","user":"8"},"user":{"id":"8","name":"sean"},"first_seen":"2026-11-20T20:00:00Z","last_seen":"2026-11-20T20:00:00Z","last_item":"Night Train (2011)","decision":"held"}');
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
INSERT INTO "plays" VALUES('play-1','machine-1','7',1763668800000,1763674800000,1763674800000,1763674200000,'{"id":"play-1","viewer":{"server":"machine-1","user":"7"},"user":{"id":"7","name":"mia"},"session":null,"sources":["home"],"server_name":"attic","item":{"kind":"movie","title":"Night Train","original_title":null,"year":2011,"ids":{"imdb":"tt0000011"},"runtime_ms":6000000,"server_ref":"9","server_show_ref":null},"content":"on-demand","library":"Films","player":{"id":"p","name":"TV","product":null},"state":"stopped","position_ms":5900000,"position_at":"2026-11-20T21:40:00Z","moved_at":"2026-11-20T21:40:00Z","ticked_at":null,"steady":0,"stale":false,"unheard":false,"started_at":"2026-11-20T20:00:00Z","last_seen_at":"2026-11-20T21:40:00Z","ended_at":"2026-11-20T21:40:00Z","watched_at":"2026-11-20T21:30:00Z","previous_watch_at":null,"completion":"counted","credits_start_ms":null,"is_end_known":true,"is_unmeasured":false,"marked":false,"claimed_blind":false,"continues":null,"repeats":false,"revoked":false,"held":false,"reported_by":1,"told":["bob"]}');
CREATE TABLE plugin_values (
    account    TEXT NOT NULL,
    key        TEXT NOT NULL,
    value      BLOB NOT NULL,
    expires_at INTEGER,
    PRIMARY KEY (account, key)
) STRICT, WITHOUT ROWID;
INSERT INTO "plugin_values" VALUES('host:home','heard-first',X'323032362D31312D32305431393A30303A30305A',NULL);
CREATE TABLE ratings (
    server TEXT NOT NULL,
    user   TEXT NOT NULL,
    item   TEXT NOT NULL,
    at     INTEGER NOT NULL,
    body   TEXT NOT NULL,
    PRIMARY KEY (server, user, item)
) STRICT, WITHOUT ROWID;
INSERT INTO "ratings" VALUES('machine-1','7','9',1763676000000,'{"viewer":{"server":"machine-1","user":"7"},"user":{"id":"7","name":"mia"},"sources":["home"],"item":{"kind":"movie","title":"Night Train","original_title":null,"year":2011,"ids":{"imdb":"tt0000011"},"runtime_ms":6000000,"server_ref":"9","server_show_ref":null},"server":{"id":"machine-1","name":"attic","source":"home"},"library":"Films","paths":[],"rating":8.0,"at":"2026-11-20T22:00:00Z","held":false,"reported_by":1}');
CREATE TABLE removals (
    key TEXT PRIMARY KEY,
    at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "removals" VALUES('movie:tt0000011',1763676000000);
CREATE TABLE request_counts (
    account TEXT PRIMARY KEY,
    day     TEXT NOT NULL,
    used    INTEGER NOT NULL,
    allowed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "request_counts" VALUES('bob','2026-11-20',7,1000);
CREATE TABLE timeline (
    id    INTEGER PRIMARY KEY,
    inbox INTEGER NOT NULL,
    at    INTEGER NOT NULL,
    stage TEXT NOT NULL,
    code  TEXT NOT NULL,
    text  TEXT NOT NULL
) STRICT;
INSERT INTO "timeline" VALUES(1,1,1763668801000,'route','queued','for bob');
CREATE TABLE versions (name TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "versions" VALUES('people',1);
CREATE INDEX inbox_pending ON inbox (source, id) WHERE settled_at IS NULL;
CREATE INDEX inbox_settled ON inbox (settled_at) WHERE settled_at IS NOT NULL;
CREATE INDEX plays_open ON plays (ended_at);
CREATE VIEW sessions AS SELECT * FROM plays WHERE ended_at IS NULL;
CREATE INDEX timeline_inbox ON timeline (inbox);
CREATE UNIQUE INDEX outbox_watch_once ON outbox (tracker, subject, action) WHERE weight = 'watch';
CREATE INDEX outbox_waiting ON outbox (tracker, subject, id) WHERE state = 'waiting';
CREATE INDEX outbox_inbox ON outbox (inbox);
CREATE INDEX ratings_at ON ratings (at);
CREATE INDEX inbox_repeats ON inbox (settled_at) WHERE code = 'no-change';
CREATE INDEX outbox_subject ON outbox (tracker, subject, id);
CREATE INDEX removals_at ON removals (at);
CREATE INDEX plays_seen ON plays (server, last_seen_at);
CREATE INDEX plays_item ON plays (server, json_extract(body, '$.item.server_ref'));
CREATE INDEX inbox_source ON inbox (source, id);
CREATE INDEX outbox_due ON outbox (tracker, next_at) WHERE state = 'waiting';
CREATE INDEX outbox_queue ON outbox (tracker, id) WHERE state = 'waiting';
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('inbox',2);
INSERT INTO "sqlite_sequence" VALUES('outbox',1);
COMMIT;
PRAGMA user_version = 7;
