-- Times are microseconds since 1970. Lists are texts, one a line.

-- Whoever changes administrators counts this up first, and so waits for its turn.
CREATE TABLE turns (
    lone   INTEGER NOT NULL PRIMARY KEY CHECK (lone = 1),
    number INTEGER NOT NULL
) STRICT;
INSERT INTO turns (lone, number) VALUES (1, 0);

CREATE TABLE administrators (
    name         TEXT NOT NULL PRIMARY KEY,
    password     TEXT NOT NULL,
    roles        TEXT NOT NULL,
    instances    TEXT NOT NULL,
    disabled     INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    created_at   INTEGER NOT NULL,
    signed_in_at INTEGER,
    revision     INTEGER NOT NULL CHECK (revision >= 0)
) STRICT;

CREATE TABLE sessions (
    id         BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 32),
    owner      TEXT NOT NULL REFERENCES administrators (name) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    ends_at    INTEGER NOT NULL,
    address    TEXT NOT NULL
) STRICT;
CREATE INDEX sessions_owner ON sessions (owner);

CREATE TABLE tokens (
    id         TEXT NOT NULL PRIMARY KEY,
    name       TEXT NOT NULL,
    owner      TEXT NOT NULL REFERENCES administrators (name) ON DELETE CASCADE,
    digest     BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
    roles      TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT;
CREATE INDEX tokens_owner ON tokens (owner);

CREATE TABLE first_codes (
    digest     BLOB NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    expires_at INTEGER NOT NULL,
    tries_left INTEGER NOT NULL CHECK (tries_left > 0)
) STRICT;

CREATE TABLE audit (
    number  INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    actor   TEXT NOT NULL,
    action  TEXT NOT NULL,
    subject TEXT NOT NULL,
    result  TEXT NOT NULL CHECK (result IN ('DONE', 'REFUSED')),
    detail  TEXT NOT NULL,
    address TEXT NOT NULL
) STRICT;
CREATE INDEX audit_at ON audit (at);
