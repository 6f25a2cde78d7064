-- What an instance has from its vendor, and the keys that it signs answers with.

ALTER TABLE licensing.instances
    -- Whose licence server it is. The root key is pinned by it.
    ADD COLUMN vendor_id          text CHECK (octet_length(vendor_id) > 0),
    ADD COLUMN license_server_id  uuid,
    ADD COLUMN root_key           bytea CHECK (octet_length(root_key) = 32),
    -- The bundle in force: its number, the SHA-256 of what was signed, when it was made, and until when it gives leave.
    ADD COLUMN bundle_sequence    bigint CHECK (bundle_sequence > 0),
    ADD COLUMN bundle_digest      bytea CHECK (octet_length(bundle_digest) = 32),
    ADD COLUMN issued_at          bigint,
    ADD COLUMN synchronize_before bigint,
    -- Where clients were told last to reach it, and the number of that.
    ADD COLUMN addresses          text[],
    ADD COLUMN addresses_number   bigint NOT NULL DEFAULT 0 CHECK (addresses_number >= 0),
    ADD CONSTRAINT instances_enrolment_is_whole
        CHECK (num_nulls(vendor_id, license_server_id, root_key) IN (0, 3)),
    ADD CONSTRAINT instances_bundle_is_whole
        CHECK (num_nulls(bundle_sequence, bundle_digest, issued_at, synchronize_before) IN (0, 4)),
    ADD CONSTRAINT instances_bundle_has_a_vendor
        CHECK (bundle_sequence IS NULL OR vendor_id IS NOT NULL);

CREATE TABLE licensing.answer_keys (
    instance     integer NOT NULL REFERENCES licensing.instances (no),
    key_id       bytea   NOT NULL CHECK (octet_length(key_id) = 32),
    sealed_seed  bytea   NOT NULL,
    certificates bytea   NOT NULL,
    not_before   bigint  NOT NULL,
    not_after    bigint  NOT NULL,
    created_at   bigint  NOT NULL,
    PRIMARY KEY (instance, key_id)
);

-- The functions below stand beside `time_out`, `begin_batch` and `load`, which replicas of the release before go on
-- calling for as long as there are any.

-- What a batch finds of an instance: the server's clock, its steps as far as they were noted, whether the instance is
-- restored, and its vendor's leave.
CREATE FUNCTION licensing.found_out(i licensing.instances) RETURNS bytea
    LANGUAGE sql VOLATILE
    AS $$
SELECT record_send(ROW((extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
                       i.correction, i.step_times, i.steps, i.restored, i.bundle_sequence, i.synchronize_before))
$$;

-- Takes the turn, and returns what is found from then.
CREATE FUNCTION licensing.open_batch(p_instance integer) RETURNS bytea
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_catalog.pg_advisory_xact_lock(1279607116, p_instance);
    RETURN (SELECT licensing.found_out(i) FROM licensing.instances AS i WHERE i.no = p_instance);
END $$;

-- What a batch touches, as `licensing.load` finds it; but with `p_keep` it returns all that is found of the instance,
-- and not the time alone.
CREATE FUNCTION licensing.load_batch(
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
        RETURN QUERY SELECT 0::smallint, licensing.found_out(i) FROM licensing.instances AS i WHERE i.no = p_instance;
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
