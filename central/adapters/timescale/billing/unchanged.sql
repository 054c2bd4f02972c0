-- name: changed
-- Bills that may say something else if they are rated again; more may be named than do.
WITH part AS MATERIALIZED (
    SELECT
        bill.id AS bill_id, bill.state, bill_part.occupancy_id, bill_part.first_day,
        bill_part.end_day, bill_part.state_from, bill_part.opening_sha256,
        bill_part.series_revisions, bill_part.other_tariff_revisions, bill_part.not_metered,
        bill_part.first_day - coalesce(bill_part.looks_back_days, 0) AS read_from,
        agreement.service_point_id,
        bill_part.point_revision IS DISTINCT FROM service_point.input_revision
        OR bill_part.account_revision IS DISTINCT FROM account.input_revision
        OR bill_part.tariff_revision IS DISTINCT FROM tariff.input_revision
        OR bill_part.settings_revision IS DISTINCT FROM common_input.input_revision
        OR bill_part.series_revisions IS NULL
        OR bill.release IS DISTINCT FROM %(release)s AS moved
    FROM bill
    JOIN account ON account.id = bill.account_id
    JOIN bill_part ON bill_part.bill_id = bill.id
    JOIN agreement ON agreement.id = bill_part.agreement_id
    JOIN service_point ON service_point.id = agreement.service_point_id
    JOIN tariff ON tariff.id = agreement.tariff_id
    CROSS JOIN common_input
    WHERE bill.id = ANY(%(bills)s)
), metered AS MATERIALIZED (
    -- Where meters count what a point is billed for: there, and where channels are shared out to it.
    SELECT service_point_id AS point_id, service_point_id AS metered_at FROM part
    UNION
    SELECT part.service_point_id, source.service_point_id
    FROM part
    JOIN point_channel ON point_channel.service_point_id = part.service_point_id
    JOIN allocated_channel ON allocated_channel.channel_id = point_channel.id
    JOIN point_channel AS source ON source.id = allocated_channel.source_id
)
SELECT bill_id FROM part WHERE moved OR state <> 'draft'
UNION
SELECT part.bill_id
FROM part
CROSS JOIN LATERAL jsonb_each_text(part.series_revisions) AS stamped (name, revision)
LEFT JOIN series ON series.name = stamped.name
WHERE stamped.revision::bigint <> coalesce(series.input_revision, 0)
UNION
-- The state that it opens with is not what the part directly before leaves now.
SELECT part.bill_id
FROM part
JOIN billed_period ON billed_period.occupancy_id = part.occupancy_id
    AND billed_period.end_day = part.first_day
LEFT JOIN settled_part AS earlier ON earlier.id = billed_period.part_id
LEFT JOIN bill AS earlier_bill ON earlier_bill.id = earlier.bill_id
WHERE billed_period.part_id IS DISTINCT FROM part.state_from
    OR billed_period.part_id IS NOT NULL AND (
        earlier.closing_sha256 IS DISTINCT FROM part.opening_sha256
        OR earlier_bill.state = 'held'
    )
UNION
-- Something of the account is to be adjusted that no bill carries.
SELECT bill.id
FROM bill
JOIN adjustment ON adjustment.account_id = bill.account_id AND adjustment.currency = bill.currency
LEFT JOIN adjustment_use ON adjustment_use.adjustment_id = adjustment.id
WHERE bill.id = ANY(%(bills)s) AND adjustment_use.adjustment_id IS NULL
UNION
-- What is the account's own may have moved: such bills are few.
SELECT account_state.bill_id FROM account_state WHERE account_state.bill_id = ANY(%(bills)s)
UNION
-- Tariffs that a state is handed over to or comes from, or that days elsewhere are open under.
SELECT part.bill_id
FROM part
CROSS JOIN LATERAL jsonb_each_text(part.other_tariff_revisions) AS stamped (name, revision)
LEFT JOIN tariff ON tariff.name = stamped.name
WHERE stamped.revision::bigint IS DISTINCT FROM tariff.input_revision
UNION
-- A change of the days that it read waits for validation: three days on both sides, whatever the zone
-- is, and however far where estimates at their ends may be made again.
SELECT part.bill_id
FROM part
JOIN metered ON metered.point_id = part.service_point_id
JOIN installation ON installation.service_point_id = metered.metered_at
JOIN channel ON channel.meter_id = installation.meter_id
JOIN touched ON touched.channel_id = channel.id
WHERE touched.from_at < (part.end_day + 3)::timestamp AT TIME ZONE 'UTC'
    AND touched.until_at > (part.read_from - 3)::timestamp AT TIME ZONE 'UTC'
    OR EXISTS (
        SELECT FROM point_channel
        JOIN vee_finding ON vee_finding.channel_id = point_channel.id AND closed_at IS NULL
            AND code = %(estimated)s AND day IN (part.read_from, part.end_day - 1)
        WHERE point_channel.service_point_id = metered.metered_at
            AND point_channel.obis = channel.obis
    )
UNION
-- Not all of it is metered, and batches of its gateways were found missing since.
SELECT part.bill_id
FROM part
JOIN metered ON metered.point_id = part.service_point_id
JOIN installation ON installation.service_point_id = metered.metered_at
    AND installation.during && tstzrange(
        (part.first_day - 1)::timestamp AT TIME ZONE 'UTC',
        (part.end_day + 1)::timestamp AT TIME ZONE 'UTC'
    )
JOIN meter ON meter.id = installation.meter_id
JOIN finding ON finding.gateway_id = meter.gateway_id AND finding.closed_at IS NULL
    AND finding.code = ANY(%(codes)s)
WHERE part.not_metered IS NOT FALSE
