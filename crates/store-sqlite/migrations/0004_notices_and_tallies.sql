-- That an instance is suspended, notices for clients, and what is counted beside the decisions.

-- What clients are told, since when, and who did it; null where nobody suspended it.
ALTER TABLE instances ADD COLUMN suspension TEXT;
ALTER TABLE instances ADD COLUMN suspended_at INTEGER
    CHECK ((suspended_at IS NULL) = (suspension IS NULL));
ALTER TABLE instances ADD COLUMN suspended_by TEXT
    CHECK ((suspended_by IS NULL) = (suspension IS NULL));

-- The greatest number that a notice of the instance has had.
ALTER TABLE instances ADD COLUMN notices_number INTEGER NOT NULL DEFAULT 0 CHECK (notices_number >= 0);

CREATE TABLE notices (
    instance INTEGER NOT NULL REFERENCES instances (no),
    key      TEXT    NOT NULL CHECK (length(key) > 0),
    number   INTEGER NOT NULL CHECK (number > 0),
    until    INTEGER NOT NULL,
    content  BLOB    NOT NULL,
    PRIMARY KEY (instance, key),
    UNIQUE (instance, number)
) STRICT;

-- Use of a feature in the period of `step` seconds that begins `at`: how often somebody looked, the sum and the greatest
-- of the counts that were out, and how many counts served at the last look, null without limit.
CREATE TABLE usage_tallies (
    instance INTEGER NOT NULL REFERENCES instances (no),
    step     INTEGER NOT NULL CHECK (step IN (60, 3600)),
    feature  TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    samples  INTEGER NOT NULL CHECK (samples > 0),
    total    INTEGER NOT NULL CHECK (total >= 0),
    peak     INTEGER NOT NULL CHECK (peak >= 0),
    owned    INTEGER CHECK (owned >= 0),
    PRIMARY KEY (instance, step, feature, at)
) STRICT, WITHOUT ROWID;

CREATE INDEX usage_tallies_at ON usage_tallies (instance, step, at);

-- How often a feature was refused for a reason in such a period.
CREATE TABLE denial_tallies (
    instance INTEGER NOT NULL REFERENCES instances (no),
    step     INTEGER NOT NULL CHECK (step IN (60, 3600)),
    feature  TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    reason   TEXT    NOT NULL,
    count    INTEGER NOT NULL CHECK (count > 0),
    PRIMARY KEY (instance, step, feature, at, reason)
) STRICT, WITHOUT ROWID;

CREATE INDEX denial_tallies_at ON denial_tallies (instance, step, at);

-- When a device was last known to hold a feature.
CREATE TABLE held (
    instance INTEGER NOT NULL REFERENCES instances (no),
    device   TEXT    NOT NULL,
    feature  TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (instance, device, feature)
) STRICT, WITHOUT ROWID;

CREATE INDEX held_at ON held (instance, at);

INSERT INTO sqlite_stat1 (tbl, idx, stat)
VALUES ('notices', 'sqlite_autoindex_notices_1', '20 20 1'),
       ('notices', 'sqlite_autoindex_notices_2', '20 20 1'),
       ('usage_tallies', 'usage_tallies', '1000000 1000000 500000 2000 1'),
       ('usage_tallies', 'usage_tallies_at', '1000000 1000000 500000 100'),
       ('denial_tallies', 'denial_tallies', '100000 100000 50000 500 2 1'),
       ('denial_tallies', 'denial_tallies_at', '100000 100000 50000 10'),
       ('held', 'held', '100000 100000 4 1'),
       ('held', 'held_at', '100000 100000 4');

ANALYZE sqlite_schema;
