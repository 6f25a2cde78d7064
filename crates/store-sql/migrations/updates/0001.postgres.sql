-- What the service for updates keeps. Texts are ordered by their bytes, times are microseconds since 1970, ids are UUIDs in
-- their text form, lists have one value a line.

-- Keys that assignments are signed with.
CREATE TABLE answer_keys (
    instance     TEXT COLLATE "C" NOT NULL,
    key_id       BYTEA NOT NULL CHECK (octet_length(key_id) = 32),
    -- Sealed.
    sealed_seed  BYTEA NOT NULL,
    certificates BYTEA NOT NULL,
    not_before   BIGINT NOT NULL,
    not_after    BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (instance, key_id)
);

-- How the mirror stands. The columns of a run are NULL before the first, and those of a failure where there was none.
CREATE TABLE upstreams (
    instance       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    root           BIGINT NOT NULL,
    timestamp      BIGINT NOT NULL,
    snapshot       BIGINT NOT NULL,
    targets        BIGINT NOT NULL,
    expires_at     BIGINT,
    succeeded_at   BIGINT,
    next_at        BIGINT,
    failures       BIGINT NOT NULL CHECK (failures >= 0),
    started_at     BIGINT,
    ended_at       BIGINT,
    changed        BIGINT CHECK (changed IN (0, 1)),
    fetched_files  BIGINT,
    fetched_bytes  BIGINT,
    missing_files  BIGINT,
    failure_reason TEXT COLLATE "C",
    message        TEXT COLLATE "C",
    actor          TEXT COLLATE "C",
    CHECK ((started_at IS NULL) = (actor IS NULL) AND (started_at IS NULL) = (changed IS NULL)
       AND (failure_reason IS NULL) = (message IS NULL))
);

-- Moves on with every change of the releases.
CREATE TABLE catalogues (
    instance TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    revision BIGINT NOT NULL CHECK (revision > 0)
);

CREATE TABLE releases (
    instance         TEXT COLLATE "C" NOT NULL REFERENCES catalogues (instance),
    target           TEXT COLLATE "C" NOT NULL,
    product          TEXT COLLATE "C" NOT NULL,
    version          TEXT COLLATE "C" NOT NULL,
    kind             TEXT COLLATE "C" NOT NULL CHECK (kind IN ('DEFINITION', 'SOFTWARE')),
    channel          TEXT COLLATE "C" NOT NULL,
    os               TEXT COLLATE "C",
    arch             TEXT COLLATE "C",
    minimum_version  TEXT COLLATE "C",
    length           BIGINT NOT NULL CHECK (length >= 0),
    sha256           BYTEA NOT NULL CHECK (octet_length(sha256) = 32),
    state            TEXT COLLATE "C" NOT NULL CHECK (state IN ('KNOWN', 'APPROVED', 'WITHDRAWN')),
    emergency        BIGINT NOT NULL CHECK (emergency IN (0, 1)),
    notes            TEXT COLLATE "C" NOT NULL,
    withdrawn_reason TEXT COLLATE "C" NOT NULL,
    features         TEXT COLLATE "C" NOT NULL,
    released_at      BIGINT,
    seen_at          BIGINT NOT NULL,
    PRIMARY KEY (instance, target)
);

-- The newest release of a product and channel, and whether clients are still to be told of it.
CREATE TABLE notices (
    instance TEXT COLLATE "C" NOT NULL,
    product  TEXT COLLATE "C" NOT NULL,
    channel  TEXT COLLATE "C" NOT NULL,
    target   TEXT COLLATE "C" NOT NULL,
    version  TEXT COLLATE "C" NOT NULL,
    features TEXT COLLATE "C" NOT NULL,
    owed     BIGINT NOT NULL CHECK (owed IN (0, 1)),
    PRIMARY KEY (instance, product, channel)
);

CREATE TABLE clients (
    instance       TEXT COLLATE "C" NOT NULL,
    id             TEXT COLLATE "C" NOT NULL,
    hostid         TEXT COLLATE "C" NOT NULL,
    alias          TEXT COLLATE "C" NOT NULL,
    client_version TEXT COLLATE "C" NOT NULL,
    time_zone      TEXT COLLATE "C" NOT NULL,
    free_bytes     BIGINT NOT NULL CHECK (free_bytes >= 0),
    first_seen_at  BIGINT NOT NULL,
    seen_at        BIGINT NOT NULL,
    last_event     BIGINT NOT NULL CHECK (last_event >= 0),
    PRIMARY KEY (instance, id)
);

CREATE INDEX clients_listed ON clients (instance, hostid, id);

CREATE TABLE client_products (
    instance         TEXT COLLATE "C" NOT NULL,
    client           TEXT COLLATE "C" NOT NULL,
    product          TEXT COLLATE "C" NOT NULL,
    channel          TEXT COLLATE "C" NOT NULL,
    version          TEXT COLLATE "C" NOT NULL,
    sha256           BYTEA CHECK (octet_length(sha256) = 32),
    assigned_target  TEXT COLLATE "C",
    assigned_version TEXT COLLATE "C",
    state            TEXT COLLATE "C" CHECK (state IN ('ACCEPTED', 'DOWNLOADING', 'DOWNLOADED', 'VERIFIED', 'WAITING_WINDOW', 'INSTALLING',
                         'INSTALLED', 'ROLLED_BACK', 'FAILED', 'CANCELED', 'CANCEL_REJECTED', 'DEFERRED')),
    state_at         BIGINT,
    message          TEXT COLLATE "C" NOT NULL,
    -- Of the check-in that named it.
    seen_at          BIGINT NOT NULL,
    PRIMARY KEY (instance, client, product),
    FOREIGN KEY (instance, client) REFERENCES clients (instance, id),
    CHECK ((assigned_target IS NULL) = (assigned_version IS NULL) AND (state IS NULL) = (state_at IS NULL))
);

CREATE INDEX client_products_held ON client_products (instance, product, sha256);

CREATE TABLE events (
    instance      TEXT COLLATE "C" NOT NULL,
    client        TEXT COLLATE "C" NOT NULL,
    sequence      BIGINT NOT NULL CHECK (sequence > 0),
    at            BIGINT NOT NULL,
    assignment    TEXT COLLATE "C" NOT NULL,
    product       TEXT COLLATE "C" NOT NULL,
    version       TEXT COLLATE "C" NOT NULL,
    state         TEXT COLLATE "C" NOT NULL,
    message       TEXT COLLATE "C" NOT NULL,
    fetched_bytes BIGINT NOT NULL CHECK (fetched_bytes >= 0),
    received_at   BIGINT NOT NULL,
    PRIMARY KEY (instance, client, sequence),
    FOREIGN KEY (instance, client) REFERENCES clients (instance, id)
);

CREATE INDEX events_received ON events (instance, received_at);
