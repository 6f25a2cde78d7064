-- Where the vendor's update repository is, by the bundle in force. NULL before the first bundle, and for one that came before
-- this version; empty where the vendor has none.
ALTER TABLE identities ADD COLUMN updates_address TEXT;
ALTER TABLE identities ADD COLUMN updates_root BLOB;
