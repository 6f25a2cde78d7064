-- Writes everything that a batch changed and ends it. Rows come as JSON arrays; ids and other bytes come
-- beside them in one blob for each statement, and the rows name where in it they begin.
--
-- $1 instance                      $9  activity, $10 its bytes, $11 how many
-- $2 devices                       $12 answers, $13 their bytes, $14 now
-- $3 ended grants, $4 their ids    $15 devices to forget
-- $5 grants, $6 their bytes
-- $7 parts, of the grants in $6    $16 endings, $17 their ids
-- $8 cells

INSERT INTO devices (instance, hostid, alias, device_type, first_seen, last_seen, blocked)
SELECT $1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5
  FROM jsonb_each($2)
 WHERE true
    ON CONFLICT (instance, hostid) DO UPDATE
   SET alias = excluded.alias,
       device_type = excluded.device_type,
       first_seen = excluded.first_seen,
       last_seen = excluded.last_seen,
       blocked = excluded.blocked;

DELETE FROM parts
 WHERE instance = $1
   AND grant_id IN (SELECT substr($4, value, 16) FROM json_each($3)
                    UNION ALL
                    SELECT substr($6, value ->> 0, 16) FROM jsonb_each($5));

DELETE FROM grants
 WHERE instance = $1
   AND id IN (SELECT substr($4, value, 16) FROM json_each($3));

-- A grant's holder and feature never change.
INSERT INTO grants (instance, id, device, place, feature, mode, fencing_token, lease_token, lease_ttl,
                    granted_at, changed_at, floor_deadline, first_end)
SELECT $1, substr($6, value ->> 0, 16), value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
       substr($6, value ->> 6, 16), value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11
  FROM jsonb_each($5)
 WHERE true
    ON CONFLICT (instance, id) DO UPDATE
   SET mode = excluded.mode,
       fencing_token = excluded.fencing_token,
       lease_token = excluded.lease_token,
       lease_ttl = excluded.lease_ttl,
       granted_at = excluded.granted_at,
       changed_at = excluded.changed_at,
       floor_deadline = excluded.floor_deadline,
       first_end = excluded.first_end,
       unearned = 0;

INSERT INTO parts (instance, grant_id, seq, line_item, source, count, ends_at)
SELECT $1, substr($6, value ->> 0, 16), value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5
  FROM jsonb_each($7);

INSERT INTO cells (instance, line_item, source, allocated, used)
SELECT $1, value ->> 0, value ->> 1, value ->> 2, value ->> 3
  FROM jsonb_each($8)
 WHERE true
    ON CONFLICT (instance, line_item, source) DO UPDATE
   SET allocated = excluded.allocated,
       used = excluded.used;

INSERT INTO activity (instance, at, id, kind, hostid, place, feature, grant_id, deltas, detail, request, actor)
SELECT $1, value ->> 1, substr($10, value ->> 0, 16), value ->> 2, value ->> 3, value ->> 4, value ->> 5,
       substr($10, value ->> 6, 16), value ->> 7, value ->> 8, substr($10, value ->> 9, 16), value ->> 10
  FROM jsonb_each($9);

UPDATE instances
   SET activity_rows = activity_rows + $11
 WHERE no = $1 AND $11 > 0;

INSERT INTO answers (instance, id, at, body_hash, answer)
SELECT $1, substr($13, value ->> 0, 16), $14, substr($13, 16 + (value ->> 0), 32),
       substr($13, 48 + (value ->> 0), value ->> 1)
  FROM jsonb_each($12);

DELETE FROM devices
 WHERE instance = $1
   AND hostid IN (SELECT value FROM json_each($15))
   AND NOT EXISTS (SELECT 1 FROM grants AS g WHERE g.instance = $1 AND g.device = devices.hostid);

INSERT INTO endings (instance, grant_id, lost, at)
SELECT $1, substr($17, value ->> 0, 16), value ->> 1, $14
  FROM jsonb_each($16);

COMMIT
