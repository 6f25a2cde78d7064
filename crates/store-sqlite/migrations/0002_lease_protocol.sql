-- What replicas and restarts have to know of leases.

-- How much longer than earned a grant stands, in microseconds.
ALTER TABLE grants ADD COLUMN unearned INTEGER NOT NULL DEFAULT 0 CHECK (unearned >= 0);

-- Grants that ended other than by their holder's wish, for the holder that asks why, and for other processes.
CREATE TABLE endings (
    seq      INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    instance INTEGER NOT NULL,
    grant_id BLOB    NOT NULL CHECK (length(grant_id) = 16),
    lost     TEXT    NOT NULL,
    at       INTEGER NOT NULL
) STRICT;

CREATE INDEX endings_order ON endings (instance, seq);
CREATE INDEX endings_grant ON endings (instance, grant_id);
CREATE INDEX endings_at ON endings (instance, at);

-- Whose turn it is to look after an instance's time.
CREATE TABLE turns (
    instance INTEGER NOT NULL PRIMARY KEY,
    holder   BLOB    NOT NULL CHECK (length(holder) = 16),
    count    INTEGER NOT NULL CHECK (count >= 0)
) STRICT;

INSERT INTO sqlite_stat1 (tbl, idx, stat)
VALUES ('endings', 'endings_order', '10000 10000 1'),
       ('endings', 'endings_grant', '10000 10000 1'),
       ('endings', 'endings_at', '10000 10000 50');

ANALYZE sqlite_schema;
