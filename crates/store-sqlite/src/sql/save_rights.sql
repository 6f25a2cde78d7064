-- Writes changed rights and reservations into the open transaction. Rows come as JSON arrays or, for line
-- items, objects; ids come beside them in blobs, and the rows name where in them they begin.
--
-- $1 instance                                   $9  reservations, of the groups in $8
-- $2 line items that go or come anew            $10 entries, $11 their ids
-- $3 line items                                 $12 sources that are gone
-- $4 cells                                      $13 activity, $14 its bytes, $15 how many
-- $5 groups that go or come anew, $6 their ids
-- $7 groups, $8 their ids

DELETE FROM line_items
 WHERE instance = $1
   AND id IN (SELECT value FROM json_each($2));

INSERT INTO line_items (instance, id, product, feature, version, count, kind, reusable, undo_interval,
                        transfers_per_year, overdraft, overdraft_amount, starts_at, expires_at,
                        grace_after_expiry, borrow_interval, renew_interval_percent, lease_ttl, allow_virtual,
                        vendor_string, selectors, notice, source, advisory)
SELECT $1, value ->> 'id', value ->> 'product', value ->> 'feature', value ->> 'version', value ->> 'count',
       value ->> 'kind', value ->> 'reusable', value ->> 'undo_interval', value ->> 'transfers_per_year',
       value ->> 'overdraft', value ->> 'overdraft_amount', value ->> 'starts_at', value ->> 'expires_at',
       value ->> 'grace_after_expiry', value ->> 'borrow_interval', value ->> 'renew_interval_percent',
       value ->> 'lease_ttl', value ->> 'allow_virtual', value ->> 'vendor_string', value ->> 'selectors',
       value ->> 'notice', value ->> 'source', value ->> 'advisory'
  FROM jsonb_each($3);

INSERT INTO cells (instance, line_item, source, allocated, used)
SELECT $1, value ->> 0, value ->> 1, value ->> 2, value ->> 3
  FROM jsonb_each($4);

DELETE FROM reservation_groups
 WHERE instance = $1
   AND id IN (SELECT substr($6, value, 16) FROM json_each($5));

INSERT INTO reservation_groups (instance, id, name, revision)
SELECT $1, substr($8, value ->> 0, 16), value ->> 1, value ->> 2
  FROM jsonb_each($7);

INSERT INTO reservations (instance, hostid, group_id, position)
SELECT $1, value ->> 0, substr($8, value ->> 1, 16), value ->> 2
  FROM jsonb_each($9);

INSERT INTO entries (instance, id, hostid, position, feature, version, count, age)
SELECT $1, substr($11, value ->> 0, 16), value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
       value ->> 6
  FROM jsonb_each($10);

UPDATE parts
   SET source = ''
 WHERE instance = $1
   AND source <> ''
   AND source IN (SELECT value FROM json_each($12));

INSERT INTO activity (instance, at, id, kind, hostid, place, feature, grant_id, deltas, detail, request, actor)
SELECT $1, value ->> 1, substr($14, value ->> 0, 16), value ->> 2, value ->> 3, value ->> 4, value ->> 5,
       substr($14, value ->> 6, 16), value ->> 7, value ->> 8, substr($14, value ->> 9, 16), value ->> 10
  FROM jsonb_each($13);

UPDATE instances
   SET activity_rows = activity_rows + $15
 WHERE no = $1 AND $15 > 0
