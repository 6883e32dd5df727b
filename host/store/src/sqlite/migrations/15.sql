-- What statements look for of plays and ratings stands in columns of its own.
ALTER TABLE plays ADD COLUMN item TEXT;
ALTER TABLE plays ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ratings ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
UPDATE plays SET item = json_extract(body, '$.item.server_ref'), held = COALESCE(json_extract(body, '$.held'), 0);
UPDATE ratings SET held = COALESCE(json_extract(body, '$.held'), 0);
DROP INDEX plays_item;
CREATE INDEX plays_item ON plays (household, server, item);

-- The text of a request is written once; what becomes of it stands in a short row.
CREATE TABLE requests (
    inbox   INTEGER PRIMARY KEY,
    request BLOB NOT NULL
) STRICT;
INSERT INTO requests (inbox, request) SELECT id, request FROM inbox;
ALTER TABLE inbox DROP COLUMN request;

-- The steps that were written together are one row.
CREATE TABLE new_timeline (
    inbox  INTEGER NOT NULL,
    number INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    steps  TEXT NOT NULL,
    PRIMARY KEY (inbox, number)
) STRICT, WITHOUT ROWID;
INSERT INTO new_timeline (inbox, number, at, steps)
    SELECT inbox, ROW_NUMBER() OVER (PARTITION BY inbox ORDER BY first), at, steps FROM (
        SELECT inbox, at, MIN(id) AS first, json_group_array(json_object('stage', stage, 'code', code, 'text', text)) AS steps
        FROM (SELECT * FROM timeline ORDER BY id) GROUP BY inbox, at);
DROP TABLE timeline;
ALTER TABLE new_timeline RENAME TO timeline;
