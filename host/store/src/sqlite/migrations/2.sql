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
