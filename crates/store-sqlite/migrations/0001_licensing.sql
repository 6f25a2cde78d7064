-- What licensing keeps.
--
-- Every key begins with `instance`, the short number of an instance. Ids are 16 bytes, times and durations
-- whole microseconds. A `source` is `` for the default pool, `reservation:ID` or `pool:NAME`.

CREATE TABLE instances (
    no            INTEGER NOT NULL PRIMARY KEY,
    id            BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    name          TEXT    NOT NULL UNIQUE,
    is_default    INTEGER NOT NULL CHECK (is_default IN (0, 1)),
    -- Started from a backup, and nobody has confirmed it since.
    restored      INTEGER NOT NULL DEFAULT 0 CHECK (restored IN (0, 1)),
    -- Counted here because counting the records takes a walk over all of them.
    activity_rows INTEGER NOT NULL DEFAULT 0 CHECK (activity_rows >= 0)
) STRICT;

CREATE UNIQUE INDEX instances_default ON instances (is_default) WHERE is_default = 1;

CREATE TABLE line_items (
    instance               INTEGER NOT NULL REFERENCES instances (no),
    id                     TEXT    NOT NULL,
    product                TEXT    NOT NULL,
    feature                TEXT    NOT NULL,
    version                TEXT    NOT NULL,
    count                  INTEGER CHECK (count >= 0),
    kind                   TEXT    NOT NULL CHECK (kind IN ('CONCURRENT', 'METERED', 'SEAT')),
    reusable               INTEGER CHECK (reusable IN (0, 1)),
    undo_interval          INTEGER,
    transfers_per_year     INTEGER CHECK (transfers_per_year >= 0),
    overdraft              TEXT    NOT NULL CHECK (overdraft IN ('NONE', 'COUNT', 'PERCENT', 'UNLIMITED')),
    overdraft_amount       INTEGER CHECK (overdraft_amount >= 0),
    starts_at              INTEGER,
    expires_at             INTEGER,
    grace_after_expiry     INTEGER NOT NULL,
    borrow_interval        INTEGER,
    renew_interval_percent INTEGER,
    lease_ttl              INTEGER,
    allow_virtual          INTEGER NOT NULL CHECK (allow_virtual IN (0, 1)),
    vendor_string          TEXT    NOT NULL,
    selectors              TEXT    NOT NULL CHECK (json_valid(selectors)),
    notice                 TEXT    NOT NULL,
    source                 TEXT    NOT NULL,
    advisory               INTEGER NOT NULL CHECK (advisory IN (0, 1)),
    PRIMARY KEY (instance, id)
) STRICT;

CREATE INDEX line_items_feature ON line_items (instance, feature);

CREATE TABLE cells (
    instance  INTEGER NOT NULL,
    line_item TEXT    NOT NULL,
    source    TEXT    NOT NULL,
    allocated INTEGER NOT NULL CHECK (allocated >= 0),
    used      INTEGER NOT NULL CHECK (used >= 0),
    PRIMARY KEY (instance, line_item, source),
    FOREIGN KEY (instance, line_item) REFERENCES line_items (instance, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE reservation_groups (
    instance INTEGER NOT NULL REFERENCES instances (no),
    id       BLOB    NOT NULL CHECK (length(id) = 16),
    name     TEXT    NOT NULL,
    revision INTEGER NOT NULL CHECK (revision >= 0),
    PRIMARY KEY (instance, id),
    UNIQUE (instance, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE reservations (
    instance INTEGER NOT NULL,
    hostid   TEXT    NOT NULL,
    group_id BLOB    NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (instance, hostid),
    FOREIGN KEY (instance, group_id) REFERENCES reservation_groups (instance, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX reservations_group ON reservations (instance, group_id, position);

CREATE TABLE entries (
    instance INTEGER NOT NULL,
    id       BLOB    NOT NULL CHECK (length(id) = 16),
    hostid   TEXT    NOT NULL,
    position INTEGER NOT NULL,
    feature  TEXT    NOT NULL,
    version  TEXT    NOT NULL,
    count    INTEGER NOT NULL CHECK (count >= 0),
    -- The entry's place in the instance: lower is older.
    age      INTEGER NOT NULL CHECK (age >= 0),
    PRIMARY KEY (instance, id),
    FOREIGN KEY (instance, hostid) REFERENCES reservations (instance, hostid) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX entries_hostid ON entries (instance, hostid, position);

-- The tables below are written by every request. Their references are kept right by the transaction that
-- writes them, not by foreign keys, which would look up every row's parent once more.

CREATE TABLE devices (
    instance    INTEGER NOT NULL,
    hostid      TEXT    NOT NULL,
    alias       TEXT    NOT NULL,
    device_type INTEGER NOT NULL CHECK (device_type IN (0, 1, 2)),
    first_seen  INTEGER NOT NULL,
    last_seen   INTEGER NOT NULL,
    blocked     INTEGER NOT NULL CHECK (blocked IN (0, 1)),
    PRIMARY KEY (instance, hostid)
) STRICT, WITHOUT ROWID;

CREATE TABLE grants (
    instance       INTEGER NOT NULL,
    id             BLOB    NOT NULL CHECK (length(id) = 16),
    device         TEXT    NOT NULL,
    place          TEXT    NOT NULL,
    feature        TEXT    NOT NULL,
    -- 0 is online, 1 is borrowed.
    mode           INTEGER NOT NULL CHECK (mode IN (0, 1)),
    fencing_token  INTEGER NOT NULL,
    lease_token    BLOB CHECK (length(lease_token) = 16),
    lease_ttl      INTEGER,
    granted_at     INTEGER NOT NULL,
    changed_at     INTEGER NOT NULL,
    floor_deadline INTEGER,
    -- The earliest end of its parts.
    first_end      INTEGER NOT NULL,
    PRIMARY KEY (instance, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX grants_holder ON grants (instance, device, place, feature);
CREATE INDEX grants_floor ON grants (instance, floor_deadline) WHERE mode = 0;
CREATE INDEX grants_end ON grants (instance, first_end);

CREATE TABLE parts (
    instance  INTEGER NOT NULL,
    grant_id  BLOB    NOT NULL,
    seq       INTEGER NOT NULL,
    line_item TEXT    NOT NULL,
    source    TEXT    NOT NULL,
    count     INTEGER NOT NULL CHECK (count > 0),
    ends_at   INTEGER NOT NULL,
    PRIMARY KEY (instance, grant_id, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX parts_set_aside ON parts (instance, source) WHERE source <> '';

-- Rows go to the end of the table, whatever their id: an answer can be larger than an index page likes.
CREATE TABLE answers (
    instance  INTEGER NOT NULL,
    id        BLOB    NOT NULL CHECK (length(id) = 16),
    at        INTEGER NOT NULL,
    body_hash BLOB    NOT NULL CHECK (length(body_hash) = 32),
    answer    BLOB    NOT NULL,
    PRIMARY KEY (instance, id)
) STRICT;

CREATE INDEX answers_at ON answers (instance, at);

CREATE TABLE activity (
    instance INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    id       BLOB    NOT NULL CHECK (length(id) = 16),
    kind     TEXT    NOT NULL,
    hostid   TEXT,
    place    TEXT    NOT NULL,
    feature  TEXT    NOT NULL,
    grant_id BLOB CHECK (length(grant_id) = 16),
    -- What was added to the counts out: an object, line item to whole number.
    deltas   TEXT    NOT NULL CHECK (json_valid(deltas)),
    detail   TEXT    NOT NULL,
    request  BLOB CHECK (length(request) = 16),
    actor    TEXT    NOT NULL,
    PRIMARY KEY (instance, at, id)
) STRICT, WITHOUT ROWID;

-- How the tables are expected to grow, for the planner: rows, then rows alike in the first column of the key, in
-- the first two and so on. It would take `instance` alone for a good key otherwise. Measured figures would
-- change plans with every sample; these stay.
ANALYZE;

DELETE FROM sqlite_stat1;

INSERT INTO sqlite_stat1 (tbl, idx, stat)
VALUES ('line_items', 'sqlite_autoindex_line_items_1', '1000 1000 1'),
       ('line_items', 'line_items_feature', '1000 1000 4'),
       ('cells', 'cells', '20000 20000 20 1'),
       ('reservation_groups', 'reservation_groups', '1000 1000 1'),
       ('reservation_groups', 'sqlite_autoindex_reservation_groups_2', '1000 1000 1'),
       ('reservations', 'reservations', '20000 20000 1'),
       ('reservations', 'reservations_group', '20000 20000 20 1'),
       ('entries', 'entries', '40000 40000 1'),
       ('entries', 'entries_hostid', '40000 40000 2 1'),
       ('devices', 'devices', '100000 100000 1'),
       ('grants', 'grants', '200000 200000 1'),
       ('grants', 'grants_holder', '200000 200000 2 2 1'),
       ('grants', 'grants_floor', '200000 200000 2'),
       ('grants', 'grants_end', '200000 200000 2'),
       ('parts', 'parts', '250000 250000 2 1'),
       ('parts', 'parts_set_aside', '40000 40000 2'),
       ('answers', 'sqlite_autoindex_answers_1', '1000000 1000000 1'),
       ('answers', 'answers_at', '1000000 1000000 64'),
       ('activity', 'activity', '10000000 10000000 64 1');

ANALYZE sqlite_schema;
