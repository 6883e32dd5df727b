-- The library: titles are found by their ids, whatever server or service speaks of them.
CREATE TABLE titles (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    household TEXT NOT NULL,
    kind      TEXT NOT NULL,
    name      TEXT NOT NULL,
    year      INTEGER,
    body      TEXT NOT NULL
) STRICT;
CREATE TABLE title_keys (
    household TEXT NOT NULL,
    key       TEXT NOT NULL,
    title     INTEGER NOT NULL,
    PRIMARY KEY (household, key, title)
) STRICT, WITHOUT ROWID;
CREATE INDEX title_keys_title ON title_keys (title);

-- The title of a play, when it counts as a watch, what statistics need of it, and the job that read it from somewhere.
ALTER TABLE plays ADD COLUMN title INTEGER;
ALTER TABLE plays ADD COLUMN counted_at INTEGER;
ALTER TABLE plays ADD COLUMN is_movie INTEGER NOT NULL DEFAULT 0;
ALTER TABLE plays ADD COLUMN runtime_ms INTEGER;
ALTER TABLE plays ADD COLUMN job INTEGER;
CREATE INDEX plays_viewer ON plays (household, server, user, started_at);
CREATE INDEX plays_counted ON plays (household, server, user, counted_at, title, is_movie, runtime_ms) WHERE counted_at IS NOT NULL;
CREATE INDEX plays_title ON plays (household, title, started_at) WHERE title IS NOT NULL;
CREATE INDEX plays_job ON plays (job) WHERE job IS NOT NULL;

-- Every rating that was ever given: `ratings` has the last one of each item.
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
CREATE UNIQUE INDEX rating_changes_item ON rating_changes (household, server, user, item, at);
CREATE INDEX rating_changes_title ON rating_changes (household, title, at) WHERE title IS NOT NULL;
CREATE INDEX rating_changes_job ON rating_changes (job) WHERE job IS NOT NULL;

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
CREATE INDEX watchlist_order ON watchlist (household, person, place);

-- The person to whose own address a request came.
ALTER TABLE inbox ADD COLUMN person TEXT;

-- Work that takes longer than a request. One of a kind, person and subject is under way at a time.
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
CREATE UNIQUE INDEX jobs_active ON jobs (household, kind, person, about) WHERE state IN ('waiting', 'running');
CREATE INDEX jobs_waiting ON jobs (household, next_at) WHERE state = 'waiting';
CREATE INDEX jobs_person ON jobs (household, person, id);

CREATE TABLE job_rows (
    job    INTEGER NOT NULL,
    number INTEGER NOT NULL,
    state  TEXT NOT NULL,
    what   TEXT NOT NULL,
    reason TEXT NOT NULL,
    body   TEXT NOT NULL,
    PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_rows_state ON job_rows (job, state, number);
