-- That an instance is suspended, notices for clients, and what is counted beside the decisions.

ALTER TABLE licensing.instances
    -- What clients are told, since when, and who did it; null where nobody suspended it.
    ADD COLUMN suspension     text,
    ADD COLUMN suspended_at   bigint,
    ADD COLUMN suspended_by   text,
    -- The greatest number that a notice of the instance has had.
    ADD COLUMN notices_number bigint NOT NULL DEFAULT 0 CHECK (notices_number >= 0),
    ADD CONSTRAINT instances_suspension_is_whole CHECK (num_nulls(suspension, suspended_at, suspended_by) IN (0, 3));

-- The functions below stand beside `found_out`, `open_batch` and `load_batch`, which replicas of the release before go on
-- calling for as long as there are any. They find that an instance is suspended as well.

CREATE FUNCTION licensing.found(i licensing.instances) RETURNS bytea
    LANGUAGE sql VOLATILE
    AS $$
SELECT record_send(ROW((extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
                       i.correction, i.step_times, i.steps, i.restored, i.bundle_sequence, i.synchronize_before,
                       i.suspension))
$$;

-- Takes the turn, and returns what is found from then.
CREATE FUNCTION licensing.open_turn(p_instance integer) RETURNS bytea
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_catalog.pg_advisory_xact_lock(1279607116, p_instance);
    RETURN (SELECT licensing.found(i) FROM licensing.instances AS i WHERE i.no = p_instance);
END $$;

-- `licensing.load_turn` is `licensing.load_batch` word for word, but for what it finds of the instance.
DO $$
BEGIN
    EXECUTE replace(replace(pg_get_functiondef('licensing.load_batch'::regproc),
                            'licensing.load_batch(', 'licensing.load_turn('),
                    'licensing.found_out(', 'licensing.found(');
END $$;

CREATE TABLE licensing.notices (
    instance integer          NOT NULL REFERENCES licensing.instances (no),
    key      text COLLATE "C" NOT NULL CHECK (octet_length(key) > 0),
    number   bigint           NOT NULL CHECK (number > 0),
    until    bigint           NOT NULL,
    content  bytea            NOT NULL,
    PRIMARY KEY (instance, key),
    UNIQUE (instance, number)
);

-- Use of a feature in the period of `step` seconds that begins `at`: how often somebody looked, the sum and the greatest
-- of the counts that were out, and how many counts served at the last look, null without limit.
CREATE TABLE licensing.usage_tallies (
    instance integer          NOT NULL REFERENCES licensing.instances (no),
    step     bigint           NOT NULL CHECK (step IN (60, 3600)),
    feature  text COLLATE "C" NOT NULL,
    at       bigint           NOT NULL,
    samples  bigint           NOT NULL CHECK (samples > 0),
    total    bigint           NOT NULL CHECK (total >= 0),
    peak     bigint           NOT NULL CHECK (peak >= 0),
    owned    bigint CHECK (owned >= 0),
    PRIMARY KEY (instance, step, feature, at)
) WITH (fillfactor = 70);

CREATE INDEX usage_tallies_at ON licensing.usage_tallies (instance, step, at);

-- How often a feature was refused for a reason in such a period.
CREATE TABLE licensing.denial_tallies (
    instance integer          NOT NULL REFERENCES licensing.instances (no),
    step     bigint           NOT NULL CHECK (step IN (60, 3600)),
    feature  text COLLATE "C" NOT NULL,
    at       bigint           NOT NULL,
    reason   text COLLATE "C" NOT NULL,
    count    bigint           NOT NULL CHECK (count > 0),
    PRIMARY KEY (instance, step, feature, at, reason)
) WITH (fillfactor = 70);

CREATE INDEX denial_tallies_at ON licensing.denial_tallies (instance, step, at);

-- When a device was last known to hold a feature.
CREATE TABLE licensing.held (
    instance integer          NOT NULL REFERENCES licensing.instances (no),
    device   text COLLATE "C" NOT NULL,
    feature  text COLLATE "C" NOT NULL,
    at       bigint           NOT NULL,
    PRIMARY KEY (instance, device, feature)
);

CREATE INDEX held_at ON licensing.held (instance, at);
