-- What synchronisation keeps.
--
-- Every key begins with the instance. Ids are UUIDs in their text form, times whole microseconds since 1970, lists of
-- texts JSON. Private keys are sealed.

-- Who an instance is to its vendor, and the bundle in force.
CREATE TABLE identities (
    instance             TEXT   NOT NULL PRIMARY KEY,
    revision             BIGINT NOT NULL CHECK (revision > 0),
    license_server_id    TEXT   NOT NULL,
    vendor_id            TEXT   NOT NULL,
    vendor_name          TEXT   NOT NULL,
    vendor_root          BYTEA  NOT NULL CHECK (length(vendor_root) = 32),
    address              TEXT   NOT NULL,
    vendor_recipient     TEXT   NOT NULL,
    contact_mail         TEXT   NOT NULL,
    contact_web          TEXT   NOT NULL,
    contact_phone        TEXT   NOT NULL,
    signing_key          BYTEA  NOT NULL,
    public_key           BYTEA  NOT NULL CHECK (length(public_key) = 32),
    identity             BYTEA  NOT NULL,
    recipient            TEXT   NOT NULL,
    next_number          BIGINT NOT NULL CHECK (next_number > 0),
    warned               BIGINT,
    next_at              BIGINT,
    failures             BIGINT NOT NULL CHECK (failures >= 0),
    -- NULL, as the others of the bundle then are, before the first bundle.
    bundle_sequence      BIGINT CHECK (bundle_sequence > 0),
    bundle_digest        BYTEA  CHECK (length(bundle_digest) = 32),
    synchronized_at      BIGINT,
    synchronize_before   BIGINT,
    online_certificate   BYTEA,
    instance_certificate BYTEA,
    notices              TEXT,
    CHECK ((bundle_sequence IS NULL) = (bundle_digest IS NULL)
       AND (bundle_sequence IS NULL) = (synchronized_at IS NULL)
       AND (bundle_sequence IS NULL) = (synchronize_before IS NULL)
       AND (bundle_sequence IS NULL) = (online_certificate IS NULL)
       AND (bundle_sequence IS NULL) = (instance_certificate IS NULL)
       AND (bundle_sequence IS NULL) = (notices IS NULL))
);

CREATE TABLE exchanges (
    instance           TEXT   NOT NULL REFERENCES identities (instance),
    number             BIGINT NOT NULL CHECK (number > 0),
    way                TEXT   NOT NULL CHECK (way IN ('ONLINE', 'FILE')),
    state              TEXT   NOT NULL CHECK (state IN ('REQUESTED', 'APPLYING', 'DONE', 'FAILED')),
    nonce              BYTEA  NOT NULL CHECK (length(nonce) = 32),
    request            BYTEA  NOT NULL,
    response           BYTEA  NOT NULL,
    started_at         BIGINT NOT NULL,
    ended_at           BIGINT,
    sent_bytes         BIGINT NOT NULL CHECK (sent_bytes >= 0),
    received_bytes     BIGINT NOT NULL CHECK (received_bytes >= 0),
    -- 0 where none came.
    bundle_sequence    BIGINT NOT NULL CHECK (bundle_sequence >= 0),
    changes            TEXT   NOT NULL,
    synchronize_before BIGINT,
    failed_step        TEXT   CHECK (failed_step IN ('RESOLVE', 'CONNECT', 'TLS', 'EXCHANGE', 'VERIFY', 'APPLY')),
    failure_reason     TEXT   NOT NULL,
    message            TEXT   NOT NULL,
    actor              TEXT   NOT NULL,
    PRIMARY KEY (instance, number),
    CHECK ((ended_at IS NULL) = (state IN ('REQUESTED', 'APPLYING')))
);

CREATE UNIQUE INDEX exchanges_nonce ON exchanges (instance, nonce);
CREATE UNIQUE INDEX exchanges_one_applying ON exchanges (instance) WHERE state = 'APPLYING';
CREATE UNIQUE INDEX exchanges_one_online ON exchanges (instance) WHERE state = 'REQUESTED' AND way = 'ONLINE';
-- Those that are not ended are few among many.
CREATE INDEX exchanges_pending ON exchanges (instance, way) WHERE state = 'REQUESTED';

-- Which replica synchronises an instance at the moment.
CREATE TABLE claims (
    instance   TEXT   NOT NULL PRIMARY KEY,
    holder     TEXT   NOT NULL,
    expires_at BIGINT NOT NULL
);
