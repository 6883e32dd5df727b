-- Whom and what a request is about, for lists.
ALTER TABLE inbox ADD COLUMN user TEXT;
ALTER TABLE inbox ADD COLUMN item TEXT;
CREATE INDEX inbox_source ON inbox (source, id);
-- The next delivery is looked for in what waits, however much is kept.
CREATE INDEX outbox_due ON outbox (tracker, next_at) WHERE state = 'waiting';
CREATE INDEX outbox_queue ON outbox (tracker, id) WHERE state = 'waiting';
-- Grows with each change of the list of people.
CREATE TABLE versions (name TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO versions (name, version) VALUES ('people', 1);
-- A random name of this installation: part of what trackers know events by.
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO facts (name, value) VALUES ('installation', lower(hex(randomblob(8))));
-- What somebody was shown when they approved.
ALTER TABLE approvals ADD COLUMN shown TEXT;
-- The small stores belong to a plugin and an account; what is in there is a cache.
DELETE FROM plugin_values WHERE account NOT LIKE 'host:%';
