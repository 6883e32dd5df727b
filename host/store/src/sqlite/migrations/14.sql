-- What a person keeps for titles whose names, ids or numbers are others in catalogues.
CREATE TABLE title_mappings (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    household  TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    body       TEXT NOT NULL
) STRICT;
CREATE INDEX title_mappings_household ON title_mappings (household, id);

-- What catalogues know of titles, and when each was asked for last.
ALTER TABLE titles ADD COLUMN refreshed_at INTEGER;
CREATE TABLE title_genres (
    household TEXT NOT NULL,
    title     INTEGER NOT NULL,
    genre     TEXT NOT NULL,
    PRIMARY KEY (household, title, genre)
) STRICT, WITHOUT ROWID;
