-- What licensing keeps.
--
-- Every key begins with `instance`, the short number of an instance. Times and durations are whole microseconds.
-- A `source` is '' for the default pool, `reservation:ID` or `pool:NAME`. Texts sort by their bytes.
--
-- Whoever changes rows of an instance's rights, grants or devices holds the instance's advisory lock until the
-- end of the transaction: see `licensing.take_turn`.

CREATE TABLE licensing.instances (
    no         integer          NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         uuid             NOT NULL UNIQUE,
    name       text COLLATE "C" NOT NULL UNIQUE CHECK (octet_length(name) BETWEEN 1 AND 64),
    is_default boolean          NOT NULL,
    -- Started from a backup, and nobody has confirmed it since.
    restored   boolean          NOT NULL DEFAULT false,
    -- Steps of this server's clock: the sum of all; and the recent ones, when they were by the time without any
    -- steps, and how far ahead they went.
    correction bigint           NOT NULL DEFAULT 0,
    step_times bigint[]         NOT NULL DEFAULT '{}',
    steps      bigint[]         NOT NULL DEFAULT '{}',
    CONSTRAINT instances_steps_have_times CHECK (cardinality(step_times) = cardinality(steps))
);

CREATE UNIQUE INDEX instances_default ON licensing.instances (is_default) WHERE is_default;

-- Counted here because counting the records takes a walk over all of them.
CREATE TABLE licensing.totals (
    instance      integer NOT NULL PRIMARY KEY REFERENCES licensing.instances (no),
    activity_rows bigint  NOT NULL DEFAULT 0
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- Whose turn it is to look after an instance's time.
CREATE TABLE licensing.turns (
    instance integer NOT NULL PRIMARY KEY REFERENCES licensing.instances (no),
    holder   uuid    NOT NULL,
    count    bigint  NOT NULL CHECK (count >= 0)
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE TABLE licensing.line_items (
    instance               integer          NOT NULL REFERENCES licensing.instances (no),
    id                     text COLLATE "C" NOT NULL,
    product                text             NOT NULL,
    feature                text COLLATE "C" NOT NULL,
    version                text             NOT NULL,
    count                  bigint CHECK (count >= 0),
    kind                   text             NOT NULL CHECK (kind IN ('CONCURRENT', 'METERED', 'SEAT')),
    reusable               boolean,
    undo_interval          bigint,
    transfers_per_year     bigint CHECK (transfers_per_year >= 0),
    overdraft              text             NOT NULL CHECK (overdraft IN ('NONE', 'COUNT', 'PERCENT', 'UNLIMITED')),
    overdraft_amount       bigint CHECK (overdraft_amount >= 0),
    starts_at              bigint,
    expires_at             bigint,
    grace_after_expiry     bigint           NOT NULL,
    borrow_interval        bigint,
    renew_interval_percent smallint,
    lease_ttl              bigint,
    allow_virtual          boolean          NOT NULL,
    vendor_string          text             NOT NULL,
    selectors              json             NOT NULL,
    notice                 text             NOT NULL,
    source                 text             NOT NULL,
    advisory               boolean          NOT NULL,
    PRIMARY KEY (instance, id)
);

CREATE INDEX line_items_feature ON licensing.line_items (instance, feature);

-- What of a line item may be out and is: no commit leaves more out than it may be.
CREATE TABLE licensing.tallies (
    instance  integer          NOT NULL,
    line_item text COLLATE "C" NOT NULL,
    -- Count and overdraft; null is without limit.
    capacity  bigint,
    -- The capacity, or what was out when rights lowered it, as far as it has not come back since.
    allowance bigint,
    used      bigint           NOT NULL,
    PRIMARY KEY (instance, line_item),
    FOREIGN KEY (instance, line_item) REFERENCES licensing.line_items (instance, id) ON DELETE CASCADE,
    CONSTRAINT tallies_used_within_allowance CHECK (used >= 0 AND used <= allowance)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000);

-- The foreign key is looked at when a cell is made, not when it is counted in: the key never changes.
CREATE TABLE licensing.cells (
    instance  integer          NOT NULL,
    line_item text COLLATE "C" NOT NULL,
    source    text COLLATE "C" NOT NULL,
    allocated bigint           NOT NULL,
    used      bigint           NOT NULL,
    PRIMARY KEY (instance, line_item, source),
    FOREIGN KEY (instance, line_item) REFERENCES licensing.line_items (instance, id) ON DELETE CASCADE,
    CONSTRAINT cells_are_not_negative CHECK (allocated >= 0 AND used >= 0)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000);

CREATE TABLE licensing.reservation_groups (
    instance integer          NOT NULL REFERENCES licensing.instances (no),
    id       uuid             NOT NULL,
    name     text COLLATE "C" NOT NULL,
    revision bigint           NOT NULL CHECK (revision >= 0),
    PRIMARY KEY (instance, id),
    UNIQUE (instance, name)
);

CREATE TABLE licensing.reservations (
    instance integer          NOT NULL,
    hostid   text COLLATE "C" NOT NULL,
    group_id uuid             NOT NULL,
    position integer          NOT NULL,
    PRIMARY KEY (instance, hostid),
    FOREIGN KEY (instance, group_id) REFERENCES licensing.reservation_groups (instance, id) ON DELETE CASCADE
);

CREATE INDEX reservations_group ON licensing.reservations (instance, group_id, position);

CREATE TABLE licensing.entries (
    instance integer          NOT NULL,
    id       uuid             NOT NULL,
    hostid   text COLLATE "C" NOT NULL,
    position integer          NOT NULL,
    feature  text COLLATE "C" NOT NULL,
    version  text             NOT NULL,
    count    bigint           NOT NULL CHECK (count >= 0),
    -- The entry's place in the instance: lower is older.
    age      bigint           NOT NULL CHECK (age >= 0),
    PRIMARY KEY (instance, id),
    FOREIGN KEY (instance, hostid) REFERENCES licensing.reservations (instance, hostid) ON DELETE CASCADE
);

CREATE INDEX entries_hostid ON licensing.entries (instance, hostid, position);

-- The tables below are written by every request. Their references are kept right by the transaction that
-- writes them, not by foreign keys, which would look up every row's parent once more. They check what counts,
-- and nothing else: each statement reads every constraint of its table anew.

CREATE TABLE licensing.devices (
    instance    integer          NOT NULL,
    hostid      text COLLATE "C" NOT NULL,
    alias       text COLLATE "C" NOT NULL,
    -- 0 is unknown, 1 is physical, 2 is virtual.
    device_type smallint         NOT NULL,
    first_seen  bigint           NOT NULL,
    last_seen   bigint           NOT NULL,
    blocked     boolean          NOT NULL,
    PRIMARY KEY (instance, hostid)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);

CREATE TYPE licensing.part AS (
    line_item text,
    source    text,
    count     bigint,
    ends_at   bigint
);

CREATE TABLE licensing.grants (
    instance       integer          NOT NULL,
    id             uuid             NOT NULL,
    device         text COLLATE "C" NOT NULL,
    place          text COLLATE "C" NOT NULL,
    feature        text COLLATE "C" NOT NULL,
    -- 0 is online, 1 is borrowed.
    mode           smallint         NOT NULL,
    fencing_token  bigint           NOT NULL,
    lease_token    uuid,
    lease_ttl      bigint,
    granted_at     bigint           NOT NULL,
    changed_at     bigint           NOT NULL,
    floor_deadline bigint,
    -- How much longer than earned it stands, since it was last heard.
    unearned       bigint           NOT NULL DEFAULT 0,
    -- Counts, the earliest and the last end of the parts, and whether a part is charged to another source than
    -- the default pool.
    count          bigint           NOT NULL,
    first_end      bigint           NOT NULL,
    last_end       bigint           NOT NULL,
    set_aside      boolean          NOT NULL,
    parts          licensing.part[] NOT NULL,
    PRIMARY KEY (instance, id),
    CONSTRAINT grants_hold_something CHECK (count > 0 AND unearned >= 0)
) WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);

CREATE UNIQUE INDEX grants_holder ON licensing.grants (instance, device, place, feature);
CREATE INDEX grants_floor ON licensing.grants (instance, floor_deadline, id) WHERE mode = 0;
CREATE INDEX grants_end ON licensing.grants (instance, first_end, id);
CREATE INDEX grants_set_aside ON licensing.grants (instance, id) WHERE set_aside;

CREATE TABLE licensing.answers (
    instance  integer NOT NULL,
    id        uuid    NOT NULL,
    at        bigint  NOT NULL,
    body_hash bytea   NOT NULL,
    answer    bytea   NOT NULL,
    PRIMARY KEY (instance, id)
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);

-- When answers were kept, many in a row, so that old ones are found without an index over all of them.
CREATE TABLE licensing.answer_times (
    instance integer NOT NULL,
    at       bigint  NOT NULL,
    -- The first that was in it.
    id       uuid    NOT NULL,
    ids      uuid[]  NOT NULL,
    PRIMARY KEY (instance, at, id)
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);

CREATE TYPE licensing.activity_record AS (
    id       uuid,
    kind     text,
    hostid   text,
    place    text,
    feature  text,
    grant_id uuid,
    -- What was added to the counts out: a JSON object, line item to whole number.
    deltas   text,
    detail   text,
    request  uuid,
    actor    text
);

-- Records of one moment, many in a row: what is written for every request and seldom read has to be cheap to write.
CREATE TABLE licensing.activity (
    instance integer                     NOT NULL,
    at       bigint                      NOT NULL,
    -- The first that was in it.
    id       uuid                        NOT NULL,
    -- In the order of their ids.
    records  licensing.activity_record[] NOT NULL,
    PRIMARY KEY (instance, at, id)
);

ALTER TABLE licensing.answer_times ALTER COLUMN ids SET STORAGE EXTERNAL;
ALTER TABLE licensing.activity ALTER COLUMN records SET STORAGE EXTERNAL;

-- Grants that ended other than by their holder's wish. `seq` is drawn by whoever holds the instance's lock, so
-- that its order is the order in which commits become visible.
CREATE TABLE licensing.endings (
    instance integer NOT NULL,
    seq      bigint  NOT NULL GENERATED ALWAYS AS IDENTITY,
    grant_id uuid    NOT NULL,
    lost     text    NOT NULL,
    at       bigint  NOT NULL,
    PRIMARY KEY (instance, seq)
);

CREATE INDEX endings_grant ON licensing.endings (instance, grant_id);
CREATE INDEX endings_at ON licensing.endings (instance, at);
