-- Which node owns a household. Times are those of this database, milliseconds since 1970.
CREATE TABLE nodes (
    id TEXT COLLATE "C" PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    -- Since when it has renewed itself without a gap.
    steady_since BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE TABLE leases (
    household TEXT COLLATE "C" PRIMARY KEY,
    -- The node that owns it; absent where nobody does.
    node TEXT COLLATE "C",
    epoch BIGINT NOT NULL
);
-- Requests that a node may store once more, where it has not heard the answer.
CREATE TABLE request_keys (
    household TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    inbox BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (household, key)
);
CREATE INDEX request_keys_at ON request_keys (household, at);
