BEGIN TRANSACTION;
CREATE TABLE "accounts" (
    household TEXT NOT NULL,
    name TEXT NOT NULL,
    parked TEXT,
    PRIMARY KEY (household, name)
) STRICT, WITHOUT ROWID;
INSERT INTO "accounts" VALUES('home','bob','{"kind":"login","reason":"logged out"}');
CREATE TABLE api_tokens (
    household  TEXT NOT NULL,
    hash       BLOB NOT NULL,
    id         TEXT NOT NULL,
    name       TEXT NOT NULL,
    scopes     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    used_at    INTEGER,
    expires_at INTEGER,
    PRIMARY KEY (household, hash)
) STRICT, WITHOUT ROWID;
INSERT INTO "api_tokens" VALUES('home',X'0202020202020202020202020202020202020202020202020202020202020202','0f3a','widget','read',1763668800000,NULL,NULL);
CREATE TABLE approvals (
    id          TEXT PRIMARY KEY,
    digest      TEXT NOT NULL,
    permissions TEXT NOT NULL,
    approved_at INTEGER NOT NULL
, shown TEXT, approved_by TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID;
INSERT INTO "approvals" VALUES('org.example.diary','d1','p1',1763668800000,NULL,'');
CREATE TABLE "credentials" (
    household TEXT NOT NULL,
    name TEXT NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (household, name)
) STRICT, WITHOUT ROWID;
INSERT INTO "credentials" VALUES('home','bob',X'0102');
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
, user TEXT, item TEXT, household TEXT NOT NULL DEFAULT 'home', person TEXT) STRICT;
INSERT INTO "inbox" VALUES(1,'home',1763668800000,X'7B226D656469615F74797065223A226170706C69636174696F6E2F6A736F6E222C2268656164657273223A5B5B22686F7374222C2272656C6179225D5D2C227175657279223A5B5D2C22666F726D223A5B5D2C22626F6479223A22227D',1763668801000,'queued','completed','watched to the end',NULL,NULL,'home',NULL);
INSERT INTO "inbox" VALUES(2,'home',1763668900000,X'7B226D656469615F74797065223A226170706C69636174696F6E2F6A736F6E222C2268656164657273223A5B5B22686F7374222C2272656C6179225D5D2C227175657279223A5B5D2C22666F726D223A5B5D2C22626F6479223A22227D',NULL,NULL,NULL,NULL,NULL,NULL,'home',NULL);
CREATE TABLE job_rows (
    job    INTEGER NOT NULL,
    number INTEGER NOT NULL,
    state  TEXT NOT NULL,
    what   TEXT NOT NULL,
    reason TEXT NOT NULL,
    body   TEXT NOT NULL,
    PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE jobs (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    household  TEXT NOT NULL,
    kind       TEXT NOT NULL,
    person     TEXT NOT NULL,
    about      TEXT NOT NULL,
    spec       TEXT NOT NULL,
    state      TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    ended_at   INTEGER,
    next_at    INTEGER NOT NULL,
    attempts   INTEGER NOT NULL DEFAULT 0,
    done       INTEGER NOT NULL DEFAULT 0,
    total      INTEGER,
    checkpoint TEXT,
    message    TEXT,
    stopping   INTEGER NOT NULL DEFAULT 0,
    confirmed  INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE "look_ups" (
    household TEXT NOT NULL,
    source TEXT NOT NULL,
    item TEXT NOT NULL,
    body TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (household, source, item)
) STRICT, WITHOUT ROWID;
INSERT INTO "look_ups" VALUES('home','home','9','{"kind":"movie","title":"Night Train","original_title":null,"year":2011,"ids":{"imdb":"tt0000011"},"runtime_ms":6000000,"server_ref":"9","server_show_ref":null}',4102444800000);
CREATE TABLE members (
    household  TEXT NOT NULL,
    name       TEXT NOT NULL,
    role       TEXT NOT NULL,
    password   TEXT,
    subject    TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (household, name)
) STRICT, WITHOUT ROWID;
INSERT INTO "members" VALUES('home','ada','admin','$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA',NULL,1763668800000);
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
, later INTEGER NOT NULL DEFAULT 0, since INTEGER, household TEXT NOT NULL DEFAULT 'home') STRICT;
INSERT INTO "outbox" VALUES(1,1,'bob','play-1','watched','watch','{"tracker":"bob","subject":"play-1","action":"watched","value":98.3,"item":{"kind":"movie","title":"Night Train","original_title":null,"year":2011,"ids":{"imdb":"tt0000011"},"runtime_ms":6000000,"server_ref":"9","server_show_ref":null},"at":"2026-11-20T21:30:00Z","started_at":"2026-11-20T20:00:00Z","not_before":"2026-11-20T21:30:00Z","unlist_from":[]}',1763674200000,'waiting',1,0,'the tracker is down',NULL,NULL,0,NULL,'home');
CREATE TABLE "people" (
    household TEXT NOT NULL,
    source TEXT NOT NULL,
    server TEXT NOT NULL,
    user TEXT NOT NULL,
    last_seen INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (household, source, server, user)
) STRICT, WITHOUT ROWID;
INSERT INTO "people" VALUES('home','home','machine-1','8',1763668800000,'{"source":"home","viewer":{"server":"machine-1","user":"8"},"user":{"id":"8","name":"sean"},"first_seen":"2026-11-20T20:00:00Z","last_seen":"2026-11-20T20:00:00Z","last_item":"Night Train (2011)","decision":"held"}');
CREATE TABLE "plays" (
    household TEXT NOT NULL,
    id TEXT NOT NULL,
    server TEXT NOT NULL,
    user TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    ended_at INTEGER,
    watched_at INTEGER,
    body TEXT NOT NULL, title INTEGER, counted_at INTEGER, is_movie INTEGER NOT NULL DEFAULT 0, runtime_ms INTEGER, job INTEGER,
    PRIMARY KEY (household, id)
) STRICT, WITHOUT ROWID;
INSERT INTO "plays" VALUES('home','play-1','machine-1','7',1795204800000,1795210800000,1795210800000,1795210200000,'{"id":"play-1","viewer":{"server":"machine-1","user":"7"},"user":{"id":"7","name":"mia"},"player":{"id":"p","name":"TV","product":null},"session":null,"item":{"kind":"movie","title":"Night Train","original_title":null,"year":2011,"ids":{"imdb":"tt0000011"},"server_ref":"9","server_show_ref":null,"runtime_ms":6000000},"state":"stopped","started_at":"2026-11-20T20:00:00Z","last_seen_at":"2026-11-20T21:40:00Z","ended_at":"2026-11-20T21:40:00Z","watched_at":"2026-11-20T21:30:00Z","position_ms":5900000,"position_at":"2026-11-20T21:40:00Z","moved_at":"2026-11-20T21:40:00Z","steady":0,"completion":"counted","claimed_blind":false,"is_unmeasured":false,"is_end_known":true,"credits_start_ms":null,"marked":false,"ticked_at":null,"revoked":false,"server_name":"attic","sources":["home"],"library":"Films","content":"on-demand","previous_watch_at":null,"continues":null,"repeats":false,"held":false,"reported_by":1,"told":["bob"],"stale":false,"unheard":false}',1,1795210200000,1,6000000,NULL);
CREATE TABLE plugin_accesses (
    household TEXT NOT NULL,
    plugin TEXT NOT NULL,
    account TEXT NOT NULL,
    target TEXT NOT NULL,
    reason TEXT NOT NULL,
    count INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    PRIMARY KEY (household, plugin, account, target, reason)
) WITHOUT ROWID;
INSERT INTO "plugin_accesses" VALUES('home','org.example.diary','bob','https://diary.example.org','',3,1763668800000,1763668800000);
CREATE TABLE "plugin_values" (
    household TEXT NOT NULL,
    account TEXT NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    expires_at INTEGER,
    PRIMARY KEY (household, account, key)
) STRICT, WITHOUT ROWID;
INSERT INTO "plugin_values" VALUES('home','host:home','heard-first',X'323032362D31312D32305431393A30303A30305A',NULL);
CREATE TABLE rating_changes (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    household TEXT NOT NULL,
    server    TEXT NOT NULL,
    user      TEXT NOT NULL,
    item      TEXT NOT NULL,
    title     INTEGER,
    at        INTEGER NOT NULL,
    body      TEXT NOT NULL,
    job       INTEGER
) STRICT;
INSERT INTO "rating_changes" VALUES(1,'home','machine-1','7','ref:9',1,1795212000000,'{"viewer":{"server":"machine-1","user":"7"},"server":{"id":"machine-1","name":"attic","source":"home"},"user":{"id":"7","name":"mia"},"item":{"kind":"movie","title":"Night Train","original_title":null,"year":2011,"ids":{"imdb":"tt0000011"},"server_ref":"9","server_show_ref":null,"runtime_ms":6000000},"rating":8.0,"library":"Films","paths":[],"at":"2026-11-20T22:00:00Z","reported_by":1,"held":false}',NULL);
CREATE TABLE "ratings" (
    household TEXT NOT NULL,
    server TEXT NOT NULL,
    user TEXT NOT NULL,
    item TEXT NOT NULL,
    at INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (household, server, user, item)
) STRICT, WITHOUT ROWID;
INSERT INTO "ratings" VALUES('home','machine-1','7','9',1763676000000,'{"viewer":{"server":"machine-1","user":"7"},"user":{"id":"7","name":"mia"},"sources":["home"],"item":{"kind":"movie","title":"Night Train","original_title":null,"year":2011,"ids":{"imdb":"tt0000011"},"runtime_ms":6000000,"server_ref":"9","server_show_ref":null},"server":{"id":"machine-1","name":"attic","source":"home"},"library":"Films","paths":[],"rating":8.0,"at":"2026-11-20T22:00:00Z","held":false,"reported_by":1}');
CREATE TABLE "removals" (
    household TEXT NOT NULL,
    key TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (household, key)
) STRICT, WITHOUT ROWID;
INSERT INTO "removals" VALUES('home','movie:tt0000011',1763676000000);
CREATE TABLE "request_counts" (
    household TEXT NOT NULL,
    account TEXT NOT NULL,
    day TEXT NOT NULL,
    used INTEGER NOT NULL,
    allowed INTEGER NOT NULL,
    PRIMARY KEY (household, account)
) STRICT, WITHOUT ROWID;
INSERT INTO "request_counts" VALUES('home','bob','2026-11-20',7,1000);
CREATE TABLE timeline (
    id    INTEGER PRIMARY KEY,
    inbox INTEGER NOT NULL,
    at    INTEGER NOT NULL,
    stage TEXT NOT NULL,
    code  TEXT NOT NULL,
    text  TEXT NOT NULL
) STRICT;
INSERT INTO "timeline" VALUES(1,1,1763668801000,'route','queued','for bob');
CREATE TABLE title_genres (
    household TEXT NOT NULL,
    title     INTEGER NOT NULL,
    genre     TEXT NOT NULL,
    PRIMARY KEY (household, title, genre)
) STRICT, WITHOUT ROWID;
CREATE TABLE title_keys (
    household TEXT NOT NULL,
    key       TEXT NOT NULL,
    title     INTEGER NOT NULL,
    PRIMARY KEY (household, key, title)
) STRICT, WITHOUT ROWID;
INSERT INTO "title_keys" VALUES('home','movie:imdb:tt0000011',1);
INSERT INTO "title_keys" VALUES('home','movie:name:night train',1);
CREATE TABLE title_mappings (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    household  TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    body       TEXT NOT NULL
) STRICT;
CREATE TABLE titles (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    household TEXT NOT NULL,
    kind      TEXT NOT NULL,
    name      TEXT NOT NULL,
    year      INTEGER,
    body      TEXT NOT NULL
, refreshed_at INTEGER) STRICT;
INSERT INTO "titles" VALUES(1,'home','movie','Night Train',2011,'{"kind":"movie","title":"Night Train","original_title":null,"year":2011,"ids":{"imdb":"tt0000011"},"server_ref":null,"server_show_ref":null,"runtime_ms":null}',NULL);
CREATE TABLE "versions" (
    household TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (household, name)
) STRICT, WITHOUT ROWID;
INSERT INTO "versions" VALUES('home','people',1);
CREATE TABLE watchlist (
    household TEXT NOT NULL,
    person    TEXT NOT NULL,
    title     INTEGER NOT NULL,
    place     INTEGER NOT NULL,
    added_at  INTEGER NOT NULL,
    origin    TEXT NOT NULL,
    job       INTEGER,
    PRIMARY KEY (household, person, title)
) STRICT, WITHOUT ROWID;
CREATE TABLE web_sessions (
    household  TEXT NOT NULL,
    hash       BLOB NOT NULL,
    member     TEXT NOT NULL,
    device     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (household, hash)
) STRICT, WITHOUT ROWID;
INSERT INTO "web_sessions" VALUES('home',X'0101010101010101010101010101010101010101010101010101010101010101','ada','Firefox',1763668800000,1763668800000,4102444800000);
CREATE INDEX timeline_inbox ON timeline (inbox);
CREATE INDEX outbox_inbox ON outbox (inbox);
CREATE INDEX inbox_pending ON inbox (household, source, id) WHERE settled_at IS NULL;
CREATE INDEX inbox_settled ON inbox (household, settled_at, outcome, code) WHERE settled_at IS NOT NULL;
CREATE INDEX inbox_repeats ON inbox (household, settled_at) WHERE code = 'no-change';
CREATE INDEX inbox_source ON inbox (household, source, id);
CREATE UNIQUE INDEX outbox_watch_once ON outbox (household, tracker, subject, action) WHERE weight = 'watch';
CREATE INDEX outbox_waiting ON outbox (household, tracker, subject, id) WHERE state = 'waiting';
CREATE INDEX outbox_subject ON outbox (household, tracker, subject, id);
CREATE INDEX outbox_due ON outbox (household, tracker, next_at) WHERE state = 'waiting';
CREATE INDEX outbox_queue ON outbox (household, tracker, id) WHERE state = 'waiting';
CREATE INDEX plays_open ON plays (household, ended_at);
CREATE INDEX plays_seen ON plays (household, server, last_seen_at);
CREATE INDEX plays_item ON plays (household, server, json_extract(body, '$.item.server_ref'));
CREATE INDEX ratings_at ON ratings (household, at);
CREATE INDEX removals_at ON removals (household, at);
CREATE UNIQUE INDEX members_subject ON members (household, subject) WHERE subject IS NOT NULL;
CREATE UNIQUE INDEX api_tokens_id ON api_tokens (household, id);
CREATE INDEX plays_started ON plays (household, started_at, id);
CREATE INDEX outbox_state ON outbox (household, state, id) WHERE state <> 'delivered';
CREATE INDEX title_keys_title ON title_keys (title);
CREATE INDEX plays_viewer ON plays (household, server, user, started_at);
CREATE INDEX plays_counted ON plays (household, server, user, counted_at, title, is_movie, runtime_ms) WHERE counted_at IS NOT NULL;
CREATE INDEX plays_title ON plays (household, title, started_at) WHERE title IS NOT NULL;
CREATE INDEX plays_job ON plays (job) WHERE job IS NOT NULL;
CREATE UNIQUE INDEX rating_changes_item ON rating_changes (household, server, user, item, at);
CREATE INDEX rating_changes_title ON rating_changes (household, title, at) WHERE title IS NOT NULL;
CREATE INDEX rating_changes_job ON rating_changes (job) WHERE job IS NOT NULL;
CREATE INDEX watchlist_order ON watchlist (household, person, place);
CREATE UNIQUE INDEX jobs_active ON jobs (household, kind, person, about) WHERE state IN ('waiting', 'running');
CREATE INDEX jobs_waiting ON jobs (household, next_at) WHERE state = 'waiting';
CREATE INDEX jobs_person ON jobs (household, person, id);
CREATE INDEX job_rows_state ON job_rows (job, state, number);
CREATE INDEX title_mappings_household ON title_mappings (household, id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('inbox',2);
INSERT INTO "sqlite_sequence" VALUES('outbox',1);
INSERT INTO "sqlite_sequence" VALUES('titles',1);
INSERT INTO "sqlite_sequence" VALUES('rating_changes',1);
COMMIT;
PRAGMA user_version = 14;
