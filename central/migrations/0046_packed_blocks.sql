-- Day blocks in few bytes, in months. What the blocks of many days share is a row of block_heading;
-- values and qualities are packed (docs/explanation/storage.md). The table that was is brought over
-- by `migrate` and goes with the next migration.

ALTER TABLE day_block RENAME TO day_block_wide;
ALTER INDEX day_block_pkey RENAME TO day_block_wide_pkey;
DROP INDEX day_block_edited;

-- Rows alike do no harm: two transactions that add the same wait for nothing.
CREATE TABLE block_heading (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    zone text NOT NULL,
    unit text NOT NULL,
    period_s integer NOT NULL CHECK (period_s > 0),
    exponent smallint NOT NULL,
    -- The day's first instant, after midnight UTC of its date. [ms]
    start_ms integer NOT NULL,
    intervals smallint NOT NULL CHECK (intervals > 0),
    actor text NOT NULL
);
CREATE INDEX block_heading_same ON block_heading (
    zone, period_s, start_ms, intervals, exponent, unit, actor
);

-- One local day of a channel of a service point. Never updated: a correction is the next version.
-- No foreign key points here. The summary is of the values that are not missing, in counts; its
-- extremes are the lowest and the three highest. No column is null, which would cost all rows bytes.
CREATE TABLE day_block (
    channel_id bigint NOT NULL,
    made_at timestamptz NOT NULL,
    day date NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    heading_id integer NOT NULL,
    missing smallint NOT NULL CHECK (missing >= 0),
    estimated smallint NOT NULL CHECK (estimated >= 0),
    zeros smallint NOT NULL CHECK (zeros >= 0),
    -- By another than validation: a person, or what estimates long gaps.
    edited boolean NOT NULL,
    total numeric NOT NULL,
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    extremes bytea NOT NULL,
    content bytea NOT NULL CHECK (length(content) > 1),
    reason text NOT NULL DEFAULT '',
    PRIMARY KEY (channel_id, day, version)
);
CREATE INDEX day_block_edited ON day_block (channel_id, day) WHERE edited;

-- As before; who made a block stands in its heading.
CREATE OR REPLACE FUNCTION bill_contributors(wanted bigint) RETURNS TABLE (actor text, what text)
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
WITH part AS (
    SELECT
        agreement.service_point_id, bill_part.first_day, bill_part.end_day,
        bill_part.not_metered IS NOT FALSE AND NOT bill_part.settles AS not_metered
    FROM bill_part JOIN agreement ON agreement.id = bill_part.agreement_id
    WHERE bill_part.bill_id = wanted
), channel_days AS (
    SELECT point_channel.id, part.first_day, part.end_day
    FROM part JOIN point_channel ON point_channel.service_point_id = part.service_point_id
)
SELECT bill.creator, 'made it' FROM bill WHERE bill.id = wanted
UNION ALL
SELECT unnest(bill.contributors), 'ran it again' FROM bill WHERE bill.id = wanted
UNION ALL
SELECT bill_run_starter.actor, 'started its run'
FROM bill JOIN bill_run_starter ON bill_run_starter.run_id = bill.run_id
WHERE bill.id = wanted
UNION ALL
SELECT block_heading.actor, 'edited its days'
FROM channel_days JOIN day_block ON day_block.channel_id = channel_days.id
    AND day_block.day >= channel_days.first_day AND day_block.day < channel_days.end_day
    AND day_block.edited
JOIN block_heading ON block_heading.id = day_block.heading_id
UNION ALL
SELECT vee_finding.accepted_by, 'accepted a finding of its days'
FROM channel_days JOIN vee_finding ON vee_finding.channel_id = channel_days.id
    AND vee_finding.day >= channel_days.first_day AND vee_finding.day < channel_days.end_day
    AND vee_finding.accepted_by IS NOT NULL
UNION ALL
SELECT conflict.decided_by, 'decided a conflict of its readings'
FROM part
JOIN installation ON installation.service_point_id = part.service_point_id
JOIN channel ON channel.meter_id = installation.meter_id
JOIN conflict ON conflict.channel_id = channel.id AND conflict.decided_by IS NOT NULL
    AND conflict.at >= lower(installation.during)
    AND conflict.at <= coalesce(upper(installation.during), 'infinity')
    AND conflict.at >= (part.first_day - 1)::timestamp AT TIME ZONE 'UTC'
    AND conflict.at < (part.end_day + 1)::timestamp AT TIME ZONE 'UTC'
UNION ALL
-- A finding that was open while days of the part went by, or after, and held it.
SELECT finding.closed_by, 'answered for what its gateway never sent'
FROM part
JOIN installation ON installation.service_point_id = part.service_point_id
    AND installation.during && tstzrange(
        (part.first_day - 1)::timestamp AT TIME ZONE 'UTC',
        (part.end_day + 1)::timestamp AT TIME ZONE 'UTC'
    )
JOIN meter ON meter.id = installation.meter_id
JOIN finding ON finding.gateway_id = meter.gateway_id
    AND finding.code IN ('LOST_RANGE', 'GAP', 'VOID_BATCH', 'QUARANTINE')
    AND finding.closed_by NOT LIKE 'job:%'
    AND finding.closed_at >= (part.first_day - 1)::timestamp AT TIME ZONE 'UTC'
WHERE part.not_metered
UNION ALL
SELECT ledger_entry.actor, 'posted money that it consumes'
FROM ledger_use JOIN ledger_entry ON ledger_entry.id = ledger_use.entry_id
WHERE ledger_use.bill_id = wanted AND ledger_use.part_id IS NOT NULL
$$;
