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
