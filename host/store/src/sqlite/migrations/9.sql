-- Who may open the pages and the API. Of tokens only their SHA-256 is here, of passwords their Argon2id.
CREATE TABLE members (
    household  TEXT NOT NULL,
    name       TEXT NOT NULL,
    role       TEXT NOT NULL,
    password   TEXT,
    subject    TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (household, name)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX members_subject ON members (household, subject) WHERE subject IS NOT NULL;

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
CREATE UNIQUE INDEX api_tokens_id ON api_tokens (household, id);

-- Plays are listed by their beginning, which does not change.
CREATE INDEX plays_started ON plays (household, started_at, id);
