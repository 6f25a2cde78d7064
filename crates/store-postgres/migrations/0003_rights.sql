-- Rights, reservations and deadlines.

-- Writes changed rights and reservations. Rows come as JSON objects whose names are those of the columns; a line
-- item's has its capacity besides, null without limit.
CREATE FUNCTION licensing.save_rights(
    p_instance        integer,
    p_replaced_items  text[],
    p_items           json,
    p_cells           licensing.cell_in[],
    p_replaced_groups uuid[],
    p_groups          json,
    p_reservations    json,
    p_entries         json,
    p_gone            text[],
    p_activity        licensing.activity_in[]
) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    -- Cells and tallies go with their line item, reservations and entries with their group.
    DELETE FROM licensing.line_items AS i WHERE i.instance = p_instance AND i.id = ANY (p_replaced_items);

    INSERT INTO licensing.line_items
        (instance, id, product, feature, version, count, kind, reusable, undo_interval, transfers_per_year,
         overdraft, overdraft_amount, starts_at, expires_at, grace_after_expiry, borrow_interval,
         renew_interval_percent, lease_ttl, allow_virtual, vendor_string, selectors, notice, source, advisory)
    SELECT p_instance, n.*
      FROM json_to_recordset(p_items) AS n
           (id text, product text, feature text, version text, count bigint, kind text, reusable boolean,
            undo_interval bigint, transfers_per_year bigint, overdraft text, overdraft_amount bigint,
            starts_at bigint, expires_at bigint, grace_after_expiry bigint, borrow_interval bigint,
            renew_interval_percent smallint, lease_ttl bigint, allow_virtual boolean, vendor_string text,
            selectors json, notice text, source text, advisory boolean);

    INSERT INTO licensing.cells (instance, line_item, source, allocated, used)
    SELECT p_instance, n.line_item, n.source, n.allocated, n.used FROM unnest(p_cells) AS n;

    -- What is out stays out, whatever the rights are by now.
    INSERT INTO licensing.tallies (instance, line_item, capacity, allowance, used)
    SELECT p_instance, n.id, n.capacity, CASE WHEN n.capacity IS NOT NULL THEN greatest(n.capacity, u.used) END,
           u.used
      FROM json_to_recordset(p_items) AS n (id text, capacity bigint)
     CROSS JOIN LATERAL (SELECT coalesce(sum(c.used), 0)::bigint AS used
                           FROM licensing.cells AS c
                          WHERE c.instance = p_instance AND c.line_item = n.id) AS u;

    DELETE FROM licensing.reservation_groups AS g WHERE g.instance = p_instance AND g.id = ANY (p_replaced_groups);

    INSERT INTO licensing.reservation_groups (instance, id, name, revision)
    SELECT p_instance, n.* FROM json_to_recordset(p_groups) AS n (id uuid, name text, revision bigint);

    INSERT INTO licensing.reservations (instance, hostid, group_id, position)
    SELECT p_instance, n.*
      FROM json_to_recordset(p_reservations) AS n (hostid text, group_id uuid, position integer);

    INSERT INTO licensing.entries (instance, id, hostid, position, feature, version, count, age)
    SELECT p_instance, n.*
      FROM json_to_recordset(p_entries) AS n
           (id uuid, hostid text, position integer, feature text, version text, count bigint, age bigint);

    IF cardinality(p_gone) > 0 THEN
        UPDATE licensing.grants AS g
           SET (parts, set_aside) = (
                   SELECT array_agg(ROW(p.line_item, n.source, p.count, p.ends_at)::licensing.part ORDER BY p.place),
                          bool_or(n.source <> '')
                     FROM unnest(g.parts) WITH ORDINALITY AS p (line_item, source, count, ends_at, place)
                    CROSS JOIN LATERAL (SELECT CASE WHEN p.source = ANY (p_gone) THEN ''
                                                    ELSE p.source END AS source) AS n)
         WHERE g.instance = p_instance
           AND g.set_aside
           AND EXISTS (SELECT FROM unnest(g.parts) AS p WHERE p.source = ANY (p_gone));
    END IF;

    IF cardinality(p_activity) > 0 THEN
        PERFORM licensing.add_activity(p_instance, p_activity);
    END IF;
END $$;

-- Moves floor deadlines of online grants forward where the token stands, and notes what of them is unearned. An
-- unearned one that is not later than what stands changes nothing: the holder was heard meanwhile.
CREATE FUNCTION licensing.move_floors(
    p_instance integer,
    p_ids      uuid[],
    p_tokens   bigint[],
    p_floors   bigint[],
    p_unearned bigint[]
) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    v_moved record;
BEGIN
    PERFORM licensing.take_turn(p_instance);
    FOR v_moved IN SELECT * FROM unnest(p_ids, p_tokens, p_floors, p_unearned) AS m (id, token, floor, unearned)
    LOOP
        UPDATE licensing.grants AS g
           SET floor_deadline = greatest(g.floor_deadline, v_moved.floor),
               unearned = v_moved.unearned
         WHERE g.instance = p_instance
           AND g.id = v_moved.id
           AND g.mode = 0
           AND g.fencing_token = v_moved.token
           AND (g.floor_deadline < v_moved.floor OR (v_moved.unearned = 0 AND g.unearned <> 0));
    END LOOP;
END $$;

-- Sets the floors of grants of these times to live to `p_floors` where they are later than `p_latest`; says how
-- many. The arrays stand side by side.
CREATE FUNCTION licensing.clamp_floors(
    p_instance integer,
    p_ttls     bigint[],
    p_latest   bigint[],
    p_floors   bigint[]
) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
    v_clamped bigint;
BEGIN
    PERFORM licensing.take_turn(p_instance);
    UPDATE licensing.grants AS g
       SET floor_deadline = c.floor
      FROM unnest(p_ttls, p_latest, p_floors) AS c (ttl, latest, floor)
     WHERE g.instance = p_instance
       AND g.mode = 0
       AND g.floor_deadline > c.latest
       AND g.lease_ttl = c.ttl;
    GET DIAGNOSTICS v_clamped = ROW_COUNT;
    RETURN v_clamped;
END $$;

-- Forgets up to `p_limit` of the oldest records from before `p_before`; says how many.
CREATE FUNCTION licensing.forget_activity(p_instance integer, p_before bigint, p_limit bigint) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
    v_row  record;
    v_gone integer;
    v_left integer := p_limit;
BEGIN
    FOR v_row IN SELECT a.at, a.id, cardinality(a.records) AS records
                   FROM licensing.activity AS a
                  WHERE a.instance = p_instance AND a.at < p_before
                  ORDER BY a.at, a.id
                  LIMIT p_limit
                    FOR UPDATE SKIP LOCKED
    LOOP
        EXIT WHEN v_left = 0;
        v_gone := least(v_left, v_row.records);
        v_left := v_left - v_gone;
        IF v_gone = v_row.records THEN
            DELETE FROM licensing.activity AS a
             WHERE a.instance = p_instance AND a.at = v_row.at AND a.id = v_row.id;
        ELSE
            UPDATE licensing.activity AS a
               SET records = a.records[v_gone + 1:]
             WHERE a.instance = p_instance AND a.at = v_row.at AND a.id = v_row.id;
        END IF;
    END LOOP;
    UPDATE licensing.totals AS t
       SET activity_rows = t.activity_rows - (p_limit - v_left)
     WHERE t.instance = p_instance AND v_left < p_limit;
    RETURN p_limit - v_left;
END $$;

-- Forgets up to `p_limit` of the oldest answers from before `p_before`; says how many.
CREATE FUNCTION licensing.forget_answers(p_instance integer, p_before bigint, p_limit bigint) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
    v_row  record;
    v_gone uuid[];
    v_left integer := p_limit;
BEGIN
    FOR v_row IN SELECT t.at, t.id, t.ids
                   FROM licensing.answer_times AS t
                  WHERE t.instance = p_instance AND t.at < p_before
                  ORDER BY t.at, t.id
                  LIMIT p_limit
                    FOR UPDATE SKIP LOCKED
    LOOP
        EXIT WHEN v_left = 0;
        v_gone := v_row.ids[1:v_left];
        v_left := v_left - cardinality(v_gone);
        DELETE FROM licensing.answers AS a WHERE a.instance = p_instance AND a.id = ANY (v_gone);
        IF cardinality(v_gone) = cardinality(v_row.ids) THEN
            DELETE FROM licensing.answer_times AS t
             WHERE t.instance = p_instance AND t.at = v_row.at AND t.id = v_row.id;
        ELSE
            UPDATE licensing.answer_times AS t
               SET ids = t.ids[cardinality(v_gone) + 1:]
             WHERE t.instance = p_instance AND t.at = v_row.at AND t.id = v_row.id;
        END IF;
    END LOOP;
    RETURN p_limit - v_left;
END $$;
