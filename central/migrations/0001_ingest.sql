-- Gateways, their batches, and the readings in them.
-- Half-open UTC ranges; quantities are mantissa * 10 ** exponent; nothing here is ever a float.

DO $$
BEGIN
    CREATE ROLE meterline_app LOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;  -- roles belong to the whole server; another database of ours made it
END
$$;

CREATE TABLE gateway (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    enrolled_at timestamptz NOT NULL,
    revoked_at timestamptz,
    -- What its newest hello said.
    current_epoch uuid,
    hello_at timestamptz,
    agent text,
    -- What its retained status says.
    status text CHECK (status IN ('online', 'offline')),
    status_at timestamptz,
    backlog bigint
);

-- One life of a gateway's buffer file, and how far the centre has it without a hole.
CREATE TABLE gateway_epoch (
    gateway_id bigint NOT NULL REFERENCES gateway,
    epoch uuid NOT NULL,
    cum bigint NOT NULL DEFAULT 0 CHECK (cum >= 0),
    cum_hash bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex') CHECK (length(cum_hash) = 32),
    high bigint NOT NULL DEFAULT 0,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    advanced_at timestamptz NOT NULL,
    superseded_by uuid,
    superseded_last bigint,
    new_epoch_at timestamptz,
    revoked_at timestamptz,
    PRIMARY KEY (gateway_id, epoch),
    CHECK (high >= cum)
) WITH (fillfactor = 50);

CREATE TABLE meter (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    manufacturer text NOT NULL CHECK (length(manufacturer) BETWEEN 1 AND 16),
    serial text NOT NULL CHECK (length(serial) BETWEEN 1 AND 32),
    gateway_id bigint NOT NULL REFERENCES gateway,
    first_seen_at timestamptz NOT NULL,
    UNIQUE (manufacturer, serial)
);

CREATE TABLE channel (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    meter_id bigint NOT NULL REFERENCES meter,
    obis bytea NOT NULL CHECK (length(obis) = 6),
    kind smallint NOT NULL CHECK (kind IN (0, 1)),
    period_s integer NOT NULL CHECK (period_s >= 0),
    source smallint NOT NULL CHECK (source IN (0, 1)),
    unit text NOT NULL,
    first_seen_at timestamptz NOT NULL,
    UNIQUE (meter_id, obis, kind, period_s, source)
);

-- One row per identity, whatever became of it. Per first-seen batch the counts reconcile.
CREATE TABLE batch (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    gateway_id bigint NOT NULL REFERENCES gateway,
    epoch uuid NOT NULL,
    sequence bigint NOT NULL CHECK (sequence > 0),
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    -- Both NULL where the body could not be read.
    prev_hash bytea CHECK (length(prev_hash) = 32),
    made_at timestamptz,
    -- Of a void batch: the hash of the batch that it stands for.
    replaces bytea CHECK (length(replaces) = 32),
    outcome text NOT NULL CHECK (outcome IN ('stored', 'quarantined')),
    code text,
    -- NULL where the body could not be read.
    received integer CHECK (received >= 0),
    stored integer NOT NULL DEFAULT 0 CHECK (stored >= 0),
    duplicate integer NOT NULL DEFAULT 0 CHECK (duplicate >= 0),
    conflict integer NOT NULL DEFAULT 0 CHECK (conflict >= 0),
    quarantined integer NOT NULL DEFAULT 0 CHECK (quarantined >= 0),
    received_at timestamptz NOT NULL,
    stored_at timestamptz NOT NULL,
    UNIQUE (gateway_id, epoch, sequence),
    CONSTRAINT batch_reconciles CHECK (
        CASE WHEN received IS NULL THEN outcome = 'quarantined' AND stored = 0
        ELSE received = stored + duplicate + conflict + quarantined END
    ),
    CONSTRAINT batch_outcome_matches CHECK (
        outcome = 'quarantined' OR (received IS NOT NULL AND quarantined = 0)
    )
);

-- Append-only. Devices write revision 0; a correction is a higher revision without a batch.
-- `at` is the instant of a register reading and the start of an interval reading.
CREATE TABLE reading (
    channel_id bigint NOT NULL,
    at timestamptz NOT NULL,
    mantissa bigint NOT NULL,
    batch_id bigint,
    span_ms bigint NOT NULL DEFAULT 0,
    revision integer NOT NULL DEFAULT 0,
    exponent smallint NOT NULL,
    flags smallint NOT NULL,
    PRIMARY KEY (channel_id, at, revision)
);

-- A reading whose place is taken by another value. It blocks the bill until somebody decides.
CREATE TABLE conflict (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    batch_id bigint NOT NULL,
    channel_id bigint NOT NULL,
    at timestamptz NOT NULL,
    revision integer NOT NULL DEFAULT 0,
    mantissa bigint NOT NULL,
    exponent smallint NOT NULL,
    flags smallint NOT NULL,
    span_ms bigint NOT NULL,
    kept_mantissa bigint NOT NULL,
    kept_exponent smallint NOT NULL,
    found_at timestamptz NOT NULL,
    decided_at timestamptz,
    decided_by text,
    decision text,
    UNIQUE (channel_id, at, revision, batch_id, mantissa, exponent),
    CHECK ((decided_at IS NULL) = (decided_by IS NULL))
);
CREATE INDEX conflict_open ON conflict (channel_id, at) WHERE decided_at IS NULL;

-- Batches that are intact but could not be used, whole or in part; acknowledged, and kept.
CREATE TABLE quarantine (
    batch_id bigint PRIMARY KEY REFERENCES batch,
    code text NOT NULL,
    message text NOT NULL,
    payload bytea NOT NULL,
    quarantined_at timestamptz NOT NULL,
    released_at timestamptz
);
CREATE INDEX quarantine_held ON quarantine (code, batch_id) WHERE released_at IS NULL;

-- Messages that were refused: they claim no sequence, are never acknowledged, and are kept within
-- a bound. One row per gateway, code and content; repeats only count.
CREATE TABLE rejected (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    gateway text NOT NULL,
    code text NOT NULL,
    payload_sha256 bytea NOT NULL,
    payload_bytes integer NOT NULL,
    payload bytea NOT NULL,
    message text NOT NULL,
    epoch uuid,
    sequence bigint,
    times bigint NOT NULL DEFAULT 1,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    UNIQUE (gateway, code, payload_sha256)
);
CREATE INDEX rejected_oldest ON rejected (last_at);

-- What somebody should know. `key` names the thing found, so that it is raised once while it lasts.
CREATE TABLE finding (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text NOT NULL,
    code text NOT NULL,
    message text NOT NULL,
    gateway_id bigint REFERENCES gateway,
    epoch uuid,
    from_sequence bigint,
    until_sequence bigint,
    raised_at timestamptz NOT NULL,
    closed_at timestamptz,
    closed_by text
);
CREATE UNIQUE INDEX finding_open ON finding (key) WHERE closed_at IS NULL;
CREATE INDEX finding_gateway ON finding (gateway_id, raised_at);

-- What changed and waits for validation: readings of the channel in [from_at, until_at).
CREATE TABLE touched (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel_id bigint NOT NULL,
    from_at timestamptz NOT NULL,
    until_at timestamptz NOT NULL,
    CHECK (from_at < until_at)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);

CREATE VIEW reconciliation AS
SELECT
    gateway.name AS gateway,
    batch.epoch,
    count(*) AS batches,
    coalesce(sum(batch.received), 0)::bigint AS received,
    sum(batch.stored) AS stored,
    sum(batch.duplicate) AS duplicate,
    sum(batch.conflict) AS conflict,
    sum(batch.quarantined) AS quarantined,
    count(*) FILTER (WHERE batch.received IS NULL) AS unreadable_batches,
    coalesce(sum(batch.received), 0)
    = sum(batch.stored + batch.duplicate + batch.conflict + batch.quarantined) AS reconciles
FROM batch
JOIN gateway ON gateway.id = batch.gateway_id
GROUP BY gateway.name, batch.epoch;

CREATE VIEW gateway_seen AS
SELECT
    gateway.id,
    gateway.name,
    gateway.status,
    gateway.agent,
    gateway.backlog,
    gateway.current_epoch,
    gateway.enrolled_at,
    gateway.revoked_at,
    greatest(gateway.hello_at, gateway.status_at, max(gateway_epoch.last_at)) AS last_seen_at
FROM gateway
LEFT JOIN gateway_epoch ON gateway_epoch.gateway_id = gateway.id
GROUP BY gateway.id;

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation', HINT = 'Add a revision instead.';
END
$$;
