-- Where the vendor's update repository is; empty where it has none.
ALTER TABLE vendor ADD COLUMN updates_address TEXT NOT NULL DEFAULT '';
ALTER TABLE vendor ADD COLUMN updates_root BYTEA NOT NULL DEFAULT '';
