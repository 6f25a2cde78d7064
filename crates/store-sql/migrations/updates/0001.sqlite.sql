-- What the service for updates keeps. Texts are ordered by their bytes, times are microseconds since 1970, ids are UUIDs in
-- their text form, lists have one value a line.

-- Keys that assignments are signed with.
CREATE TABLE answer_keys (
    instance     TEXT NOT NULL,
    key_id       BLOB NOT NULL CHECK (length(key_id) = 32),
    -- Sealed.
    sealed_seed  BLOB NOT NULL,
    certificates BLOB NOT NULL,
    not_before   INTEGER NOT NULL,
    not_after    INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (instance, key_id)
) STRICT;

-- How the mirror stands. The columns of a run are NULL before the first, and those of a failure where there was none.
CREATE TABLE upstreams (
    instance       TEXT NOT NULL PRIMARY KEY,
    root           INTEGER NOT NULL,
    timestamp      INTEGER NOT NULL,
    snapshot       INTEGER NOT NULL,
    targets        INTEGER NOT NULL,
    expires_at     INTEGER,
    succeeded_at   INTEGER,
    next_at        INTEGER,
    failures       INTEGER NOT NULL CHECK (failures >= 0),
    started_at     INTEGER,
    ended_at       INTEGER,
    changed        INTEGER CHECK (changed IN (0, 1)),
    fetched_files  INTEGER,
    fetched_bytes  INTEGER,
    missing_files  INTEGER,
    failure_reason TEXT,
    message        TEXT,
    actor          TEXT,
    CHECK ((started_at IS NULL) = (actor IS NULL) AND (started_at IS NULL) = (changed IS NULL)
       AND (failure_reason IS NULL) = (message IS NULL))
) STRICT;

-- Moves on with every change of the releases.
CREATE TABLE catalogues (
    instance TEXT NOT NULL PRIMARY KEY,
    revision INTEGER NOT NULL CHECK (revision > 0)
) STRICT;

CREATE TABLE releases (
    instance         TEXT NOT NULL REFERENCES catalogues (instance),
    target           TEXT NOT NULL,
    product          TEXT NOT NULL,
    version          TEXT NOT NULL,
    kind             TEXT NOT NULL CHECK (kind IN ('DEFINITION', 'SOFTWARE')),
    channel          TEXT NOT NULL,
    os               TEXT,
    arch             TEXT,
    minimum_version  TEXT,
    length           INTEGER NOT NULL CHECK (length >= 0),
    sha256           BLOB NOT NULL CHECK (length(sha256) = 32),
    state            TEXT NOT NULL CHECK (state IN ('KNOWN', 'APPROVED', 'WITHDRAWN')),
    emergency        INTEGER NOT NULL CHECK (emergency IN (0, 1)),
    notes            TEXT NOT NULL,
    withdrawn_reason TEXT NOT NULL,
    features         TEXT NOT NULL,
    released_at      INTEGER,
    seen_at          INTEGER NOT NULL,
    PRIMARY KEY (instance, target)
) STRICT;

-- The newest release of a product and channel, and whether clients are still to be told of it.
CREATE TABLE notices (
    instance TEXT NOT NULL,
    product  TEXT NOT NULL,
    channel  TEXT NOT NULL,
    target   TEXT NOT NULL,
    version  TEXT NOT NULL,
    features TEXT NOT NULL,
    owed     INTEGER NOT NULL CHECK (owed IN (0, 1)),
    PRIMARY KEY (instance, product, channel)
) STRICT;

CREATE TABLE clients (
    instance       TEXT NOT NULL,
    id             TEXT NOT NULL,
    hostid         TEXT NOT NULL,
    alias          TEXT NOT NULL,
    client_version TEXT NOT NULL,
    time_zone      TEXT NOT NULL,
    free_bytes     INTEGER NOT NULL CHECK (free_bytes >= 0),
    first_seen_at  INTEGER NOT NULL,
    seen_at        INTEGER NOT NULL,
    last_event     INTEGER NOT NULL CHECK (last_event >= 0),
    PRIMARY KEY (instance, id)
) STRICT;

CREATE INDEX clients_listed ON clients (instance, hostid, id);

CREATE TABLE client_products (
    instance         TEXT NOT NULL,
    client           TEXT NOT NULL,
    product          TEXT NOT NULL,
    channel          TEXT NOT NULL,
    version          TEXT NOT NULL,
    sha256           BLOB CHECK (length(sha256) = 32),
    assigned_target  TEXT,
    assigned_version TEXT,
    state            TEXT CHECK (state IN ('ACCEPTED', 'DOWNLOADING', 'DOWNLOADED', 'VERIFIED', 'WAITING_WINDOW', 'INSTALLING',
                         'INSTALLED', 'ROLLED_BACK', 'FAILED', 'CANCELED', 'CANCEL_REJECTED', 'DEFERRED')),
    state_at         INTEGER,
    message          TEXT NOT NULL,
    -- Of the check-in that named it.
    seen_at          INTEGER NOT NULL,
    PRIMARY KEY (instance, client, product),
    FOREIGN KEY (instance, client) REFERENCES clients (instance, id),
    CHECK ((assigned_target IS NULL) = (assigned_version IS NULL) AND (state IS NULL) = (state_at IS NULL))
) STRICT;

CREATE INDEX client_products_held ON client_products (instance, product, sha256);

CREATE TABLE events (
    instance      TEXT NOT NULL,
    client        TEXT NOT NULL,
    sequence      INTEGER NOT NULL CHECK (sequence > 0),
    at            INTEGER NOT NULL,
    assignment    TEXT NOT NULL,
    product       TEXT NOT NULL,
    version       TEXT NOT NULL,
    state         TEXT NOT NULL,
    message       TEXT NOT NULL,
    fetched_bytes INTEGER NOT NULL CHECK (fetched_bytes >= 0),
    received_at   INTEGER NOT NULL,
    PRIMARY KEY (instance, client, sequence),
    FOREIGN KEY (instance, client) REFERENCES clients (instance, id)
) STRICT;

CREATE INDEX events_received ON events (instance, received_at);
