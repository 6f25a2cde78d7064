-- Texts are ordered by their bytes. Times are microseconds since 1970. Lists are texts, one a line.

-- Whoever changes administrators counts this up first, and so waits for its turn.
CREATE TABLE turns (
    lone   BIGINT NOT NULL PRIMARY KEY CHECK (lone = 1),
    number BIGINT NOT NULL
);
INSERT INTO turns (lone, number) VALUES (1, 0);

CREATE TABLE administrators (
    name         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    password     TEXT COLLATE "C" NOT NULL,
    roles        TEXT COLLATE "C" NOT NULL,
    instances    TEXT COLLATE "C" NOT NULL,
    disabled     BIGINT NOT NULL CHECK (disabled IN (0, 1)),
    created_at   BIGINT NOT NULL,
    signed_in_at BIGINT,
    revision     BIGINT NOT NULL CHECK (revision >= 0)
);

CREATE TABLE sessions (
    id         BYTEA NOT NULL PRIMARY KEY CHECK (octet_length(id) = 32),
    owner      TEXT COLLATE "C" NOT NULL REFERENCES administrators (name) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL,
    ends_at    BIGINT NOT NULL,
    address    TEXT COLLATE "C" NOT NULL
);
CREATE INDEX sessions_owner ON sessions (owner);

CREATE TABLE tokens (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name       TEXT COLLATE "C" NOT NULL,
    owner      TEXT COLLATE "C" NOT NULL REFERENCES administrators (name) ON DELETE CASCADE,
    digest     BYTEA NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    roles      TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT
);
CREATE INDEX tokens_owner ON tokens (owner);

CREATE TABLE first_codes (
    digest     BYTEA NOT NULL PRIMARY KEY CHECK (octet_length(digest) = 32),
    expires_at BIGINT NOT NULL,
    tries_left BIGINT NOT NULL CHECK (tries_left > 0)
);

CREATE TABLE audit (
    number  BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      BIGINT NOT NULL,
    actor   TEXT COLLATE "C" NOT NULL,
    action  TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    result  TEXT COLLATE "C" NOT NULL CHECK (result IN ('DONE', 'REFUSED')),
    detail  TEXT COLLATE "C" NOT NULL,
    address TEXT COLLATE "C" NOT NULL
);
CREATE INDEX audit_at ON audit (at);
