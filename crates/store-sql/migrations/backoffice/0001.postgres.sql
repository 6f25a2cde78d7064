-- Texts are ordered by their bytes. Times are microseconds since 1970.

CREATE TABLE vendor (
    -- There is one.
    lone               BIGINT NOT NULL PRIMARY KEY CHECK (lone = 1),
    id                 TEXT COLLATE "C" NOT NULL,
    name               TEXT COLLATE "C" NOT NULL,
    mail               TEXT COLLATE "C" NOT NULL,
    web                TEXT COLLATE "C" NOT NULL,
    phone              TEXT COLLATE "C" NOT NULL,
    address            TEXT COLLATE "C" NOT NULL,
    root_key           BYTEA NOT NULL CHECK (octet_length(root_key) = 32),
    -- Sealed.
    online_seed        BYTEA NOT NULL,
    online_certificate BYTEA NOT NULL,
    -- Sealed.
    identity           BYTEA NOT NULL,
    created_at         BIGINT NOT NULL
);

CREATE TABLE products (
    name        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    description TEXT COLLATE "C" NOT NULL,
    -- One a line.
    features    TEXT COLLATE "C" NOT NULL,
    created_at  BIGINT NOT NULL
);

CREATE TABLE customers (
    name       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    mail       TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE license_servers (
    id                 TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    customer           TEXT COLLATE "C" NOT NULL REFERENCES customers (name),
    name               TEXT COLLATE "C" NOT NULL,
    synchronize_within BIGINT NOT NULL CHECK (synchronize_within > 0),
    created_at         BIGINT NOT NULL,
    -- The binding: all of it or nothing, but for what came before it.
    signing_key        BYTEA CHECK (octet_length(signing_key) = 32),
    recipient          TEXT COLLATE "C",
    bound_at           BIGINT,
    first_previous     BYTEA CHECK (octet_length(first_previous) = 32),
    acknowledged       BIGINT NOT NULL,
    -- One a line.
    hostids            TEXT COLLATE "C" NOT NULL,
    software_version   TEXT COLLATE "C" NOT NULL,
    seen_at            BIGINT,
    sequence           BIGINT NOT NULL CHECK (sequence >= 0),
    applied_sequence   BIGINT NOT NULL,
    synchronize_before BIGINT,
    clone_suspected    TEXT COLLATE "C" NOT NULL,
    -- Whoever works on the server counts it up first, and so waits for its turn.
    turns              BIGINT NOT NULL DEFAULT 0,
    UNIQUE (customer, name),
    CHECK ((signing_key IS NULL) = (recipient IS NULL) AND (signing_key IS NULL) = (bound_at IS NULL))
);

CREATE TABLE entitlements (
    id             TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    license_server TEXT COLLATE "C" NOT NULL REFERENCES license_servers (id),
    revision       BIGINT NOT NULL,
    created_at     BIGINT NOT NULL,
    UNIQUE (license_server, id)
);

CREATE TABLE line_items (
    license_server TEXT COLLATE "C" NOT NULL,
    id             TEXT COLLATE "C" NOT NULL,
    entitlement    TEXT COLLATE "C" NOT NULL,
    place          BIGINT NOT NULL,
    content        BYTEA NOT NULL,
    PRIMARY KEY (license_server, id),
    UNIQUE (entitlement, place),
    FOREIGN KEY (license_server, entitlement) REFERENCES entitlements (license_server, id) ON DELETE CASCADE
);

CREATE TABLE exchanges (
    license_server TEXT COLLATE "C" NOT NULL REFERENCES license_servers (id),
    sequence       BIGINT NOT NULL,
    request_number BIGINT NOT NULL,
    request        BYTEA NOT NULL CHECK (octet_length(request) = 32),
    response       BYTEA NOT NULL CHECK (octet_length(response) = 32),
    answered_at    BIGINT NOT NULL,
    answer         BYTEA NOT NULL,
    PRIMARY KEY (license_server, sequence),
    UNIQUE (license_server, request_number),
    UNIQUE (license_server, request),
    UNIQUE (license_server, response)
);

CREATE TABLE audit (
    number  BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      BIGINT NOT NULL,
    actor   TEXT COLLATE "C" NOT NULL,
    action  TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    detail  TEXT COLLATE "C" NOT NULL
);
CREATE INDEX audit_subject ON audit (subject, number);
CREATE INDEX audit_quota ON audit (subject, action, at);
