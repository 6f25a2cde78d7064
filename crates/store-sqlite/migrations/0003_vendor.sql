-- What an instance has from its vendor, and the keys that it signs answers with.

-- Whose licence server it is. The root key is pinned by it.
ALTER TABLE instances ADD COLUMN vendor_id TEXT CHECK (length(vendor_id) > 0);
ALTER TABLE instances ADD COLUMN license_server_id BLOB
    CHECK (length(license_server_id) = 16)
    CHECK ((license_server_id IS NULL) = (vendor_id IS NULL));
ALTER TABLE instances ADD COLUMN root_key BLOB
    CHECK (length(root_key) = 32)
    CHECK ((root_key IS NULL) = (vendor_id IS NULL));

-- The bundle in force: its number, the SHA-256 of what was signed, when it was made, and until when it gives leave.
ALTER TABLE instances ADD COLUMN bundle_sequence INTEGER
    CHECK (bundle_sequence > 0)
    CHECK (bundle_sequence IS NULL OR vendor_id IS NOT NULL);
ALTER TABLE instances ADD COLUMN bundle_digest BLOB
    CHECK (length(bundle_digest) = 32)
    CHECK ((bundle_digest IS NULL) = (bundle_sequence IS NULL));
ALTER TABLE instances ADD COLUMN issued_at INTEGER
    CHECK ((issued_at IS NULL) = (bundle_sequence IS NULL));
ALTER TABLE instances ADD COLUMN synchronize_before INTEGER
    CHECK ((synchronize_before IS NULL) = (bundle_sequence IS NULL));

-- Where clients were told last to reach it, a JSON list, and the number of that.
ALTER TABLE instances ADD COLUMN addresses TEXT CHECK (addresses IS NULL OR json_valid(addresses));
ALTER TABLE instances ADD COLUMN addresses_number INTEGER NOT NULL DEFAULT 0 CHECK (addresses_number >= 0);

CREATE TABLE answer_keys (
    instance     INTEGER NOT NULL REFERENCES instances (no),
    key_id       BLOB    NOT NULL CHECK (length(key_id) = 32),
    sealed_seed  BLOB    NOT NULL,
    certificates BLOB    NOT NULL,
    not_before   INTEGER NOT NULL,
    not_after    INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (instance, key_id)
) STRICT;

INSERT INTO sqlite_stat1 (tbl, idx, stat)
VALUES ('answer_keys', 'sqlite_autoindex_answer_keys_1', '20 20 1');

ANALYZE sqlite_schema;
