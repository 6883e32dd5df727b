-- The history counts how the inputs of the last days ended; this index alone answers that.
DROP INDEX inbox_settled;
CREATE INDEX inbox_settled ON inbox (household, settled_at, outcome, code) WHERE settled_at IS NOT NULL;
