-- Where meters are, who pays, what is validated, and the bills.
-- Ranges are half-open; money is numeric; nothing here is ever a float.

CREATE TABLE service_point (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid uuid NOT NULL UNIQUE,
    name text NOT NULL UNIQUE CHECK (name <> ''),
    zone text NOT NULL,
    address text NOT NULL DEFAULT '',
    -- What the connection carries per hour, in the base unit of its channels (W for Wh).
    capacity numeric CHECK (capacity > 0),
    created_at timestamptz NOT NULL DEFAULT now()
);

-- One quantity and direction at a service point: meters come and go under it. Its id is the
-- `channel_id` of day blocks.
CREATE TABLE point_channel (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service_point_id bigint NOT NULL REFERENCES service_point,
    obis bytea NOT NULL CHECK (length(obis) = 6),
    period_s integer NOT NULL CHECK (period_s > 0 AND 86400 % period_s = 0),
    unit text NOT NULL,
    -- The last local day that was over when it was validated; what is later waits for its end.
    closed_through date,
    UNIQUE (service_point_id, obis)
);

-- The multiplier is an exact fraction.
CREATE TABLE installation (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid uuid NOT NULL UNIQUE,
    service_point_id bigint NOT NULL REFERENCES service_point,
    meter_id bigint NOT NULL REFERENCES meter,
    during tstzrange NOT NULL
    CHECK (NOT isempty(during) AND lower_inc(during) AND NOT upper_inc(during)),
    multiplier_numerator numeric NOT NULL DEFAULT 1 CHECK (multiplier_numerator > 0),
    multiplier_denominator numeric NOT NULL DEFAULT 1 CHECK (multiplier_denominator > 0),
    -- int8range stands in for equality, which a GiST index has only with btree_gist.
    CONSTRAINT installation_meter_is_in_one_place EXCLUDE USING gist (
        int8range(meter_id, meter_id, '[]') WITH &&, during WITH &&
    ),
    CONSTRAINT installation_point_has_one_meter EXCLUDE USING gist (
        int8range(service_point_id, service_point_id, '[]') WITH &&, during WITH &&
    )
);

-- What is known of one register of an installed meter, in the channel's unit.
CREATE TABLE installation_register (
    installation_id bigint NOT NULL REFERENCES installation,
    obis bytea NOT NULL CHECK (length(obis) = 6),
    modulus numeric CHECK (modulus > 0),
    opening numeric,
    closing numeric,
    PRIMARY KEY (installation_id, obis)
);

CREATE TABLE account (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid uuid NOT NULL UNIQUE,
    number text NOT NULL UNIQUE CHECK (number <> ''),
    name text NOT NULL,
    address text [] NOT NULL DEFAULT '{}',
    tax_id text NOT NULL DEFAULT '',
    contact text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Who charges: one row.
CREATE TABLE seller (
    id integer PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    name text NOT NULL,
    address text [] NOT NULL DEFAULT '{}',
    tax_id text NOT NULL DEFAULT '',
    contact text NOT NULL DEFAULT ''
);

CREATE TABLE tariff (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (name <> '')
);

-- A version holds from its date until the next one's, so two of one date is all that could overlap.
CREATE TABLE tariff_version (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tariff_id bigint NOT NULL REFERENCES tariff,
    effective date NOT NULL,
    document text NOT NULL,
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    currency text NOT NULL,
    added_at timestamptz NOT NULL,
    added_by text NOT NULL,
    UNIQUE (tariff_id, effective)
);

CREATE TABLE agreement (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid uuid NOT NULL UNIQUE,
    account_id bigint NOT NULL REFERENCES account,
    service_point_id bigint NOT NULL REFERENCES service_point,
    tariff_id bigint NOT NULL REFERENCES tariff,
    during daterange NOT NULL CHECK (NOT isempty(during)),
    facts jsonb NOT NULL DEFAULT '[]',
    CONSTRAINT agreement_point_has_one_payer EXCLUDE USING gist (
        int8range(service_point_id, service_point_id, '[]') WITH &&, during WITH &&
    )
);
CREATE INDEX agreement_account ON agreement (account_id);

-- One local day of a channel of a service point: int64 little-endian values, a quality byte each.
-- Never updated: a correction is the next version. No foreign key points here.
CREATE TABLE day_block (
    channel_id bigint NOT NULL,
    day date NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    start_at timestamptz NOT NULL,
    period_s integer NOT NULL CHECK (period_s > 0),
    exponent smallint NOT NULL,
    zone text NOT NULL,
    unit text NOT NULL,
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    quality bytea NOT NULL CHECK (length(quality) > 0),
    consumption bytea NOT NULL CHECK (length(consumption) = 8 * length(quality)),
    made_at timestamptz NOT NULL,
    actor text NOT NULL,
    reason text,
    PRIMARY KEY (channel_id, day, version)
);

-- What validation found; open while the newest validation of the day finds it.
CREATE TABLE vee_finding (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel_id bigint NOT NULL,
    day date NOT NULL,
    code text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    from_at timestamptz NOT NULL,
    until_at timestamptz NOT NULL,
    message text NOT NULL,
    evidence jsonb NOT NULL,
    raised_at timestamptz NOT NULL,
    closed_at timestamptz,
    accepted_by text,
    accepted_reason text,
    CHECK (from_at < until_at),
    CHECK ((accepted_by IS NULL) = (accepted_reason IS NULL))
);
CREATE UNIQUE INDEX vee_finding_open ON vee_finding (channel_id, day, code, from_at)
WHERE closed_at IS NULL;
CREATE INDEX vee_finding_newest ON vee_finding (raised_at DESC, id DESC) WHERE closed_at IS NULL;

CREATE TABLE bill_run (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid uuid NOT NULL UNIQUE,
    cycle text NOT NULL,
    run_type text NOT NULL,
    creator text NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    UNIQUE (cycle, run_type)
);

-- What a worker takes at a time. A shard is done when its bills are committed, in the same
-- transaction; a killed worker leaves it to the next.
CREATE TABLE bill_shard (
    run_id bigint NOT NULL REFERENCES bill_run,
    number integer NOT NULL,
    accounts bigint [] NOT NULL,
    done_at timestamptz,
    PRIMARY KEY (run_id, number)
);
CREATE INDEX bill_shard_open ON bill_shard (run_id, number) WHERE done_at IS NULL;

CREATE TABLE bill (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid uuid NOT NULL UNIQUE,
    run_id bigint NOT NULL REFERENCES bill_run,
    account_id bigint NOT NULL REFERENCES account,
    cycle text NOT NULL,
    run_type text NOT NULL,
    revision integer NOT NULL DEFAULT 0 CHECK (revision >= 0),
    state text NOT NULL CHECK (state IN ('draft', 'held', 'approved', 'issued', 'discarded')),
    -- Why it is held: [{code, message, evidence}].
    holds jsonb NOT NULL DEFAULT '[]',
    first_day date NOT NULL,
    end_day date NOT NULL,
    currency text,
    total numeric,
    kwh numeric,
    -- The same kWh, summed from the blocks alone; a difference would be a defect.
    validated_kwh numeric,
    sha256 bytea CHECK (length(sha256) = 32),
    -- All that it says but its lines.
    document jsonb NOT NULL,
    creator text NOT NULL,
    made_at timestamptz NOT NULL,
    approver text,
    approved_at timestamptz,
    series text,
    legal_number bigint CHECK (legal_number > 0),
    issued_at timestamptz,
    cancels bigint REFERENCES bill,
    UNIQUE (account_id, cycle, run_type, revision),
    UNIQUE (series, legal_number),
    CHECK (first_day < end_day),
    CONSTRAINT bill_needs_four_eyes CHECK (
        state IN ('draft', 'held', 'discarded')
        OR (approver IS NOT NULL AND approver <> creator)
    ),
    CONSTRAINT bill_held_has_reason CHECK (
        state = 'discarded' OR (state = 'held') = (holds <> '[]'::jsonb)
    ),
    CONSTRAINT bill_priced_unless_held CHECK (
        state IN ('held', 'discarded') OR (total IS NOT NULL AND currency IS NOT NULL AND sha256 IS NOT NULL)
    ),
    CONSTRAINT bill_issued_has_number CHECK (
        (state = 'issued') = (legal_number IS NOT NULL AND series IS NOT NULL)
    )
);
CREATE INDEX bill_of_run ON bill (run_id, id);

-- What each agreement of a bill brought, and the state its next bill opens with.
CREATE TABLE bill_part (
    bill_id bigint NOT NULL,
    agreement_id bigint NOT NULL,
    first_day date NOT NULL,
    end_day date NOT NULL,
    closing jsonb NOT NULL,
    PRIMARY KEY (bill_id, agreement_id)
);
CREATE INDEX bill_part_agreement ON bill_part (agreement_id, end_day);

-- The lines refer to their bill by the statement trigger below, which also sees to it that none is
-- added to an issued bill: a foreign key would ask once per row.
CREATE TABLE bill_line (
    bill_id bigint NOT NULL,
    number integer NOT NULL CHECK (number > 0),
    service_point text NOT NULL,
    charge text NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    label text NOT NULL,
    quantity numeric,
    unit text NOT NULL,
    price numeric,
    amount numeric NOT NULL,
    -- The whole line with its determinants, selections and block versions.
    lineage jsonb NOT NULL,
    PRIMARY KEY (bill_id, number)
);

-- The last legal number given per series; gapless, because it rises in the transaction of the issue.
CREATE TABLE bill_series (
    series text PRIMARY KEY,
    last bigint NOT NULL DEFAULT 0 CHECK (last >= 0)
);

-- Who did what. Each row's hash covers the row before it.
CREATE TABLE audit_log (
    id bigint PRIMARY KEY,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    detail jsonb NOT NULL,
    prev_hash bytea NOT NULL CHECK (length(prev_hash) = 32),
    sha256 bytea NOT NULL CHECK (length(sha256) = 32)
);
