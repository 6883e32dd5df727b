-- What a person keeps for titles whose names, ids or numbers are others in catalogues.
CREATE TABLE title_mappings (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    household  TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    body       TEXT NOT NULL
) STRICT;
CREATE INDEX title_mappings_household ON title_mappings (household, id);
