-- What a batch does, each step in one round trip. Ids and texts come as plain arrays, rows as arrays of the
-- types below.

CREATE TYPE licensing.device_in AS (
    hostid      text,
    alias       text,
    device_type smallint,
    first_seen  bigint,
    last_seen   bigint,
    blocked     boolean
);

CREATE TYPE licensing.grant_in AS (
    id             uuid,
    device         text,
    place          text,
    feature        text,
    mode           smallint,
    fencing_token  bigint,
    lease_token    uuid,
    lease_ttl      bigint,
    granted_at     bigint,
    changed_at     bigint,
    floor_deadline bigint,
    count          bigint,
    first_end      bigint,
    last_end       bigint,
    set_aside      boolean,
    parts          licensing.part[]
);

CREATE TYPE licensing.cell_in AS (
    line_item text,
    source    text,
    allocated bigint,
    used      bigint
);

CREATE TYPE licensing.activity_in AS (
    at      bigint,
    id      uuid,
    records licensing.activity_record[]
);

CREATE TYPE licensing.answer_in AS (
    id        uuid,
    body_hash bytea,
    answer    bytea
);

CREATE TYPE licensing.ending_in AS (
    grant_id uuid,
    lost     text
);

-- Waits until no other transaction has the instance, and has it until the end of this one. The first number
-- keeps it apart from other programs' locks. Statements that follow see what the one before committed.
CREATE FUNCTION licensing.take_turn(p_instance integer) RETURNS void
    LANGUAGE sql
    AS $$ SELECT pg_catalog.pg_advisory_xact_lock(1279607116, p_instance) $$;

-- The server's clock, its steps as far as they were noted, and whether the instance is restored.
CREATE FUNCTION licensing.time_out(i licensing.instances) RETURNS bytea
    LANGUAGE sql VOLATILE
    AS $$
SELECT record_send(ROW((extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
                       i.correction, i.step_times, i.steps, i.restored))
$$;

-- Takes the turn, and returns the time from then.
CREATE FUNCTION licensing.begin_batch(p_instance integer) RETURNS bytea
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_catalog.pg_advisory_xact_lock(1279607116, p_instance);
    RETURN (SELECT licensing.time_out(i) FROM licensing.instances AS i WHERE i.no = p_instance);
END $$;

-- A grant as it is read. Only functions as simple as this one become part of the statement that calls them.
CREATE FUNCTION licensing.grant_out(g licensing.grants) RETURNS bytea
    LANGUAGE sql IMMUTABLE
    AS $$
SELECT record_send(ROW(g.id, g.device, g.place, g.feature, g.mode, g.fencing_token, g.lease_token, g.lease_ttl,
                       g.granted_at, g.changed_at, g.floor_deadline, g.parts))
$$;

-- Turns a turn that `licensing.load` keeps into one that lasts until the end of this transaction.
CREATE FUNCTION licensing.keep_turn(p_instance integer) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_catalog.pg_advisory_xact_lock(1279607116, p_instance);
    PERFORM pg_catalog.pg_advisory_unlock(1279607116, p_instance),
            pg_catalog.set_config('idle_session_timeout', '0', false);
END $$;

-- What a batch touches: grants of the holders (`p_devices`, `p_places`, side by side) and by id, entries of
-- hostids, devices, the line items of all features found and asked for and of all parts found, and the stored
-- answers of the requests `p_claims`.
-- `kind` is 0 for the time, 1 for a grant, 2 for an entry, 3 for a device, 4 for a line item, 5 for an answer.
--
-- With `p_keep`, a number of milliseconds, it first takes the instance's turn, returns the time from then, and keeps
-- the turn beyond its own transaction, for as long as a session may be idle: `licensing.save` lets go of it, or
-- `licensing.keep_turn`.
CREATE FUNCTION licensing.load(
    p_instance integer,
    p_keep     text,
    p_claims   uuid[],
    p_devices  text[],
    p_places   text[],
    p_hosts    text[],
    p_ids      uuid[],
    p_hostids  text[],
    p_features text[]
) RETURNS TABLE (kind smallint, content bytea)
    LANGUAGE plpgsql
    AS $$
DECLARE
    v_devices  licensing.devices[];
    v_grants   licensing.grants[];
    v_entries  licensing.entries[];
    v_features text[] := p_features;
    v_charged  text[] := '{}';
BEGIN
    IF p_keep IS NOT NULL THEN
        PERFORM pg_catalog.pg_advisory_lock(1279607116, p_instance);
        PERFORM pg_catalog.set_config('idle_session_timeout', p_keep, false);
        RETURN QUERY SELECT 0::smallint, licensing.time_out(i) FROM licensing.instances AS i WHERE i.no = p_instance;
    END IF;

    -- A subquery with an OFFSET is looked up once for each row beside it, by its index, whatever the planner
    -- believes the table to hold.
    IF cardinality(p_claims) > 0 THEN
        RETURN QUERY
        SELECT 5::smallint, found.content
          FROM unnest(p_claims) AS c (id)
         CROSS JOIN LATERAL (SELECT record_send(ROW(a.id, a.body_hash, a.answer)) AS content
                               FROM licensing.answers AS a
                              WHERE a.instance = p_instance AND a.id = c.id
                             OFFSET 0) AS found;
    END IF;
    IF cardinality(p_hosts) > 0 THEN
        SELECT array_agg(found.known) INTO v_devices
          FROM unnest(p_hosts) AS h (hostid)
         CROSS JOIN LATERAL (SELECT d AS known
                               FROM licensing.devices AS d
                              WHERE d.instance = p_instance AND d.hostid = h.hostid
                             OFFSET 0) AS found;
    END IF;
    -- Whatever is out is out to a device that is known: it comes with its first grant, and is kept while it holds one.
    IF v_devices IS NOT NULL THEN
        RETURN QUERY
        SELECT 3::smallint, record_send(ROW(d.hostid, d.alias, d.device_type, d.first_seen, d.last_seen, d.blocked))
          FROM unnest(v_devices) AS d;
        SELECT array_agg(found.held) INTO v_grants
          FROM unnest(p_devices, p_places) AS h (device, place)
          JOIN unnest(v_devices) AS d ON d.hostid = h.device
         CROSS JOIN LATERAL (SELECT g AS held
                               FROM licensing.grants AS g
                              WHERE g.instance = p_instance AND g.device = h.device AND g.place = h.place
                             OFFSET 0) AS found;
    END IF;
    IF cardinality(p_ids) > 0 THEN
        v_grants := v_grants || ARRAY(
            SELECT g FROM licensing.grants AS g WHERE g.instance = p_instance AND g.id = ANY (p_ids));
    END IF;
    IF v_grants IS NOT NULL THEN
        RETURN QUERY SELECT 1::smallint, licensing.grant_out(g) FROM unnest(v_grants) AS g;
        v_features := v_features || ARRAY(SELECT g.feature FROM unnest(v_grants) AS g);
        v_charged := ARRAY(SELECT p.line_item FROM unnest(v_grants) AS g CROSS JOIN unnest(g.parts) AS p);
    END IF;

    IF EXISTS (SELECT FROM licensing.entries AS e WHERE e.instance = p_instance) THEN
        SELECT array_agg(found.entry) INTO v_entries
          FROM unnest(p_hostids) AS h (hostid)
         CROSS JOIN LATERAL (SELECT e AS entry
                               FROM licensing.entries AS e
                              WHERE e.instance = p_instance AND e.hostid = h.hostid
                             OFFSET 0) AS found;
        IF v_entries IS NOT NULL THEN
            RETURN QUERY
            SELECT 2::smallint, record_send(ROW(e.id, e.hostid, e.feature, e.version, e.count, e.age))
              FROM unnest(v_entries) AS e;
            v_features := v_features || ARRAY(SELECT e.feature FROM unnest(v_entries) AS e);
        END IF;
    END IF;

    RETURN QUERY
    SELECT 4::smallint,
           record_send(ROW(i.id, i.product, i.feature, i.version, i.count, i.kind, i.reusable, i.undo_interval,
                           i.transfers_per_year, i.overdraft, i.overdraft_amount, i.starts_at, i.expires_at,
                           i.grace_after_expiry, i.borrow_interval, i.renew_interval_percent, i.lease_ttl,
                           i.allow_virtual, i.vendor_string, i.selectors, i.notice, i.source, i.advisory,
                           (SELECT array_agg(ROW(c.line_item, c.source, c.allocated, c.used)::licensing.cell_in)
                              FROM licensing.cells AS c
                             WHERE c.instance = p_instance AND c.line_item = i.id)))
      FROM licensing.line_items AS i
     WHERE i.instance = p_instance AND i.feature = ANY (v_features);

    -- Those whose feature has changed since they were given out.
    IF cardinality(v_charged) > 0 THEN
        RETURN QUERY
        SELECT 4::smallint,
               record_send(ROW(i.id, i.product, i.feature, i.version, i.count, i.kind, i.reusable, i.undo_interval,
                               i.transfers_per_year, i.overdraft, i.overdraft_amount, i.starts_at, i.expires_at,
                               i.grace_after_expiry, i.borrow_interval, i.renew_interval_percent, i.lease_ttl,
                               i.allow_virtual, i.vendor_string, i.selectors, i.notice, i.source, i.advisory,
                               (SELECT array_agg(ROW(c.line_item, c.source, c.allocated, c.used)::licensing.cell_in)
                                  FROM licensing.cells AS c
                                 WHERE c.instance = p_instance AND c.line_item = i.id)))
          FROM licensing.line_items AS i
         WHERE i.instance = p_instance AND i.id = ANY (v_charged) AND i.feature <> ALL (v_features);
    END IF;
END $$;

-- Adds records of what happened, and counts them.
CREATE FUNCTION licensing.add_activity(p_instance integer, p_activity licensing.activity_in[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO licensing.activity (instance, at, id, records)
    SELECT p_instance, n.at, n.id, n.records FROM unnest(p_activity) AS n;
    UPDATE licensing.totals AS t
       SET activity_rows = t.activity_rows
                         + (SELECT sum(cardinality(n.records))::bigint FROM unnest(p_activity) AS n)
     WHERE t.instance = p_instance;
END $$;

-- Writes everything that a batch changed. `p_counted` names the line items of the cells, each once,
-- `p_answered` the requests of the answers. What is surely not there yet comes as new: looking for it again costs as
-- much as writing it. `p_kept` says that the turn was kept beyond the transaction that took it: it is let go of when
-- this one has committed. `p_waits` says what the commit waits for: 0 is what it wrote, 1 is whatever was written
-- before, as it writes nothing itself, 2 is nothing.
CREATE FUNCTION licensing.save(
    p_instance    integer,
    p_kept        boolean,
    p_now         bigint,
    p_sender      text,
    p_new_devices licensing.device_in[],
    p_devices     licensing.device_in[],
    p_ended       uuid[],
    p_endings     licensing.ending_in[],
    p_new_grants  licensing.grant_in[],
    p_grants      licensing.grant_in[],
    p_cells       licensing.cell_in[],
    p_counted     text[],
    p_activity    licensing.activity_in[],
    p_answers     licensing.answer_in[],
    p_answered    uuid[],
    p_forgotten   text[],
    p_waits       smallint
) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF p_waits = 1 THEN
        PERFORM pg_catalog.pg_logical_emit_message(true, 'leasehold', '');
    ELSIF p_waits = 2 THEN
        PERFORM pg_catalog.set_config('synchronous_commit', 'off', true);
    END IF;

    IF p_kept THEN
        PERFORM licensing.keep_turn(p_instance);
    END IF;

    IF cardinality(p_new_devices) > 0 THEN
        INSERT INTO licensing.devices (instance, hostid, alias, device_type, first_seen, last_seen, blocked)
        SELECT p_instance, n.hostid, n.alias, n.device_type, n.first_seen, n.last_seen, n.blocked
          FROM unnest(p_new_devices) AS n;
    END IF;

    IF cardinality(p_devices) > 0 THEN
        INSERT INTO licensing.devices (instance, hostid, alias, device_type, first_seen, last_seen, blocked)
        SELECT p_instance, n.hostid, n.alias, n.device_type, n.first_seen, n.last_seen, n.blocked
          FROM unnest(p_devices) AS n
            ON CONFLICT (instance, hostid) DO UPDATE
           SET alias = excluded.alias,
               device_type = excluded.device_type,
               first_seen = excluded.first_seen,
               last_seen = excluded.last_seen,
               blocked = excluded.blocked;
    END IF;

    IF cardinality(p_ended) > 0 THEN
        DELETE FROM licensing.grants AS g WHERE g.instance = p_instance AND g.id = ANY (p_ended);
    END IF;

    IF cardinality(p_new_grants) > 0 THEN
        INSERT INTO licensing.grants
            (instance, id, device, place, feature, mode, fencing_token, lease_token, lease_ttl, granted_at,
             changed_at, floor_deadline, count, first_end, last_end, set_aside, parts)
        SELECT p_instance, n.id, n.device, n.place, n.feature, n.mode, n.fencing_token, n.lease_token, n.lease_ttl,
               n.granted_at, n.changed_at, n.floor_deadline, n.count, n.first_end, n.last_end, n.set_aside, n.parts
          FROM unnest(p_new_grants) AS n;
    END IF;

    -- A grant's holder and feature never change.
    IF cardinality(p_grants) > 0 THEN
        INSERT INTO licensing.grants
            (instance, id, device, place, feature, mode, fencing_token, lease_token, lease_ttl, granted_at,
             changed_at, floor_deadline, count, first_end, last_end, set_aside, parts)
        SELECT p_instance, n.id, n.device, n.place, n.feature, n.mode, n.fencing_token, n.lease_token, n.lease_ttl,
               n.granted_at, n.changed_at, n.floor_deadline, n.count, n.first_end, n.last_end, n.set_aside, n.parts
          FROM unnest(p_grants) AS n
            ON CONFLICT (instance, id) DO UPDATE
           SET mode = excluded.mode,
               fencing_token = excluded.fencing_token,
               lease_token = excluded.lease_token,
               lease_ttl = excluded.lease_ttl,
               granted_at = excluded.granted_at,
               changed_at = excluded.changed_at,
               floor_deadline = excluded.floor_deadline,
               unearned = 0,
               count = excluded.count,
               first_end = excluded.first_end,
               last_end = excluded.last_end,
               set_aside = excluded.set_aside,
               parts = excluded.parts;
    END IF;

    -- The tallies' constraint refuses what is too much. What was out beyond the capacity and came back cannot go
    -- out again.
    IF cardinality(p_cells) > 0 THEN
        INSERT INTO licensing.cells (instance, line_item, source, allocated, used)
        SELECT p_instance, n.line_item, n.source, n.allocated, n.used
          FROM unnest(p_cells) AS n
            ON CONFLICT (instance, line_item, source) DO UPDATE
           SET allocated = excluded.allocated,
               used = excluded.used;

        UPDATE licensing.tallies AS t
           SET used = s.used,
               allowance = CASE WHEN t.capacity IS NOT NULL THEN
                   greatest(t.capacity, least(t.allowance, s.used)) END
          FROM (SELECT c.line_item, sum(c.used)::bigint AS used
                  FROM licensing.cells AS c
                 WHERE c.instance = p_instance AND c.line_item = ANY (p_counted)
                 GROUP BY c.line_item) AS s
         WHERE t.instance = p_instance AND t.line_item = s.line_item;
    END IF;

    IF cardinality(p_activity) > 0 THEN
        PERFORM licensing.add_activity(p_instance, p_activity);
    END IF;

    IF cardinality(p_answers) > 0 THEN
        INSERT INTO licensing.answers (instance, id, at, body_hash, answer)
        SELECT p_instance, n.id, p_now, n.body_hash, n.answer FROM unnest(p_answers) AS n;
        INSERT INTO licensing.answer_times (instance, at, id, ids)
        VALUES (p_instance, p_now, p_answered[1], p_answered);
    END IF;

    IF cardinality(p_forgotten) > 0 THEN
        DELETE FROM licensing.devices AS d
         WHERE d.instance = p_instance
           AND d.hostid = ANY (p_forgotten)
           AND NOT EXISTS (SELECT FROM licensing.grants AS g
                            WHERE g.instance = p_instance AND g.device = d.hostid);
    END IF;

    -- Other processes hear of it when the transaction has committed.
    IF cardinality(p_endings) > 0 THEN
        INSERT INTO licensing.endings (instance, grant_id, lost, at)
        SELECT p_instance, n.grant_id, n.lost, p_now FROM unnest(p_endings) AS n;
        PERFORM pg_notify('leasehold_licensing_endings', p_sender);
    END IF;
END $$;
