-- Times are microseconds since 1970.

CREATE TABLE vendor (
    -- There is one.
    lone               INTEGER NOT NULL PRIMARY KEY CHECK (lone = 1),
    id                 TEXT NOT NULL,
    name               TEXT NOT NULL,
    mail               TEXT NOT NULL,
    web                TEXT NOT NULL,
    phone              TEXT NOT NULL,
    address            TEXT NOT NULL,
    root_key           BLOB NOT NULL CHECK (length(root_key) = 32),
    -- Sealed.
    online_seed        BLOB NOT NULL,
    online_certificate BLOB NOT NULL,
    -- Sealed.
    identity           BLOB NOT NULL,
    created_at         INTEGER NOT NULL
) STRICT;

CREATE TABLE products (
    name        TEXT NOT NULL PRIMARY KEY,
    description TEXT NOT NULL,
    -- One a line.
    features    TEXT NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE customers (
    name       TEXT NOT NULL PRIMARY KEY,
    mail       TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE license_servers (
    id                 TEXT NOT NULL PRIMARY KEY,
    customer           TEXT NOT NULL REFERENCES customers (name),
    name               TEXT NOT NULL,
    synchronize_within INTEGER NOT NULL CHECK (synchronize_within > 0),
    created_at         INTEGER NOT NULL,
    -- The binding: all of it or nothing, but for what came before it.
    signing_key        BLOB CHECK (length(signing_key) = 32),
    recipient          TEXT,
    bound_at           INTEGER,
    first_previous     BLOB CHECK (length(first_previous) = 32),
    acknowledged       INTEGER NOT NULL,
    -- One a line.
    hostids            TEXT NOT NULL,
    software_version   TEXT NOT NULL,
    seen_at            INTEGER,
    sequence           INTEGER NOT NULL CHECK (sequence >= 0),
    applied_sequence   INTEGER NOT NULL,
    synchronize_before INTEGER,
    clone_suspected    TEXT NOT NULL,
    -- Whoever works on the server counts it up first, and so waits for its turn.
    turns              INTEGER NOT NULL DEFAULT 0,
    UNIQUE (customer, name),
    CHECK ((signing_key IS NULL) = (recipient IS NULL) AND (signing_key IS NULL) = (bound_at IS NULL))
) STRICT;

CREATE TABLE entitlements (
    id             TEXT NOT NULL PRIMARY KEY,
    license_server TEXT NOT NULL REFERENCES license_servers (id),
    revision       INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    UNIQUE (license_server, id)
) STRICT;

CREATE TABLE line_items (
    license_server TEXT NOT NULL,
    id             TEXT NOT NULL,
    entitlement    TEXT NOT NULL,
    place          INTEGER NOT NULL,
    content        BLOB NOT NULL,
    PRIMARY KEY (license_server, id),
    UNIQUE (entitlement, place),
    FOREIGN KEY (license_server, entitlement) REFERENCES entitlements (license_server, id) ON DELETE CASCADE
) STRICT;

CREATE TABLE exchanges (
    license_server TEXT NOT NULL REFERENCES license_servers (id),
    sequence       INTEGER NOT NULL,
    request_number INTEGER NOT NULL,
    request        BLOB NOT NULL CHECK (length(request) = 32),
    response       BLOB NOT NULL CHECK (length(response) = 32),
    answered_at    INTEGER NOT NULL,
    answer         BLOB NOT NULL,
    PRIMARY KEY (license_server, sequence),
    UNIQUE (license_server, request_number),
    UNIQUE (license_server, request),
    UNIQUE (license_server, response)
) STRICT;

CREATE TABLE audit (
    number  INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    actor   TEXT NOT NULL,
    action  TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail  TEXT NOT NULL
) STRICT;
CREATE INDEX audit_subject ON audit (subject, number);
CREATE INDEX audit_quota ON audit (subject, action, at);
