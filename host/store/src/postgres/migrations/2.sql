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
