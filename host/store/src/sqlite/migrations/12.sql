-- How a plugin was approved: `command`, `page` or `api`.
ALTER TABLE approvals ADD COLUMN approved_by TEXT NOT NULL DEFAULT '';

-- What plugins reached, and what they were denied, counted. `reason` is empty for what was reached.
CREATE TABLE plugin_accesses (
    household TEXT NOT NULL,
    plugin TEXT NOT NULL,
    account TEXT NOT NULL,
    target TEXT NOT NULL,
    reason TEXT NOT NULL,
    count INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    PRIMARY KEY (household, plugin, account, target, reason)
) WITHOUT ROWID;
