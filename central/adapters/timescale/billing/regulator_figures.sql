-- name: bills
-- Bills by the day of their issue, without credit notes. What a person decided counts where it was
-- decided before the issue, so that a month's figure does not grow by what is done later.
WITH issued AS (
    SELECT bill.id, bill.issued_at
    FROM bill
    WHERE bill.state = 'issued' AND bill.cancels IS NULL
        AND bill.issued_on >= %(first)s AND bill.issued_on < %(end)s
), part AS (
    SELECT
        issued.id AS bill_id, issued.issued_at, bill_part.id, bill_part.first_day,
        bill_part.end_day, bill_part.not_metered IS NOT FALSE AND NOT bill_part.settles AS estimated,
        agreement.service_point_id, service.channels
    FROM issued
    JOIN bill_part ON bill_part.bill_id = issued.id
    JOIN agreement ON agreement.id = bill_part.agreement_id
    JOIN service ON service.id = agreement.service_id
), billed_channel AS (
    SELECT part.bill_id, part.issued_at, part.first_day, part.end_day, point_channel.id
    FROM part
    JOIN point_channel ON point_channel.service_point_id = part.service_point_id
        AND (part.channels IS NULL OR point_channel.obis = ANY(part.channels))
), estimated AS (
    SELECT DISTINCT bill_id FROM part WHERE estimated
), erroneous AS (
    SELECT part.bill_id
    FROM part JOIN cancelled_part ON cancelled_part.part_id = part.id
    UNION
    -- The difference of a bill that rested on estimates, where nothing but what was metered is
    -- another, is their true-up: the bill counts as estimated.
    SELECT adjustment.bill_id
    FROM issued
    JOIN adjustment ON adjustment.bill_id = issued.id AND adjustment.amount <> 0
    JOIN correction ON correction.id = adjustment.correction_id AND correction.state = 'approved'
    LEFT JOIN estimated ON estimated.bill_id = issued.id
    WHERE estimated.bill_id IS NULL OR cardinality(correction.cause) = 0 OR EXISTS (
        SELECT FROM unnest(correction.cause) AS said (text)
        WHERE said.text NOT LIKE 'the service point %%'
    )
), touched AS (
    SELECT billed_channel.bill_id
    FROM billed_channel
    JOIN day_block ON day_block.channel_id = billed_channel.id AND day_block.edited
        AND day_block.day >= billed_channel.first_day AND day_block.day < billed_channel.end_day
        AND day_block.made_at <= billed_channel.issued_at
    JOIN block_heading ON block_heading.id = day_block.heading_id
        AND block_heading.actor NOT LIKE 'job:%%'
    UNION
    SELECT billed_channel.bill_id
    FROM billed_channel
    JOIN vee_finding ON vee_finding.channel_id = billed_channel.id
        AND vee_finding.day >= billed_channel.first_day AND vee_finding.day < billed_channel.end_day
        AND vee_finding.accepted_at <= billed_channel.issued_at
        AND vee_finding.accepted_by NOT LIKE 'job:%%'
    UNION
    SELECT part.bill_id
    FROM part
    JOIN installation ON installation.service_point_id = part.service_point_id
        AND installation.during && tstzrange(
            part.first_day::timestamp AT TIME ZONE 'UTC' - interval '1 day',
            part.end_day::timestamp AT TIME ZONE 'UTC' + interval '1 day'
        )
    JOIN channel ON channel.meter_id = installation.meter_id
    JOIN conflict ON conflict.channel_id = channel.id AND conflict.decided_at <= part.issued_at
        AND conflict.at >= part.first_day::timestamp AT TIME ZONE 'UTC' - interval '1 day'
        AND conflict.at < part.end_day::timestamp AT TIME ZONE 'UTC' + interval '1 day'
)
SELECT
    (SELECT count(*) FROM issued),
    (SELECT count(*) FROM erroneous),
    (SELECT count(*) FROM estimated),
    (SELECT count(*) FROM touched)

-- name: exceptions
-- What asks somebody to act. A finding that a person accepted is closed by that. What a rule finds of a
-- day again within 72 hours of its end has never ended: it is one exception, since it was raised first.
WITH judged AS (
    SELECT
        id, channel_id, day, code, raised_at,
        coalesce(least(closed_at, accepted_at), 'infinity') AS ended_at
    FROM vee_finding WHERE severity <> 'info'
), followed AS (
    SELECT
        *, max(ended_at) OVER (
            PARTITION BY channel_id, day, code ORDER BY raised_at, id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS ended_before
    FROM judged
), numbered AS (
    SELECT
        *, count(*) FILTER (WHERE ended_before IS NULL OR raised_at > ended_before + interval '72 hours')
            OVER (PARTITION BY channel_id, day, code ORDER BY raised_at, id) AS number
    FROM followed
), raised AS (
    SELECT min(raised_at) AS raised_at, nullif(max(ended_at), 'infinity') AS closed_at
    FROM numbered
    GROUP BY channel_id, day, code, number
    UNION ALL
    SELECT raised_at, closed_at FROM finding
    UNION ALL
    SELECT found_at, decided_at FROM conflict
    UNION ALL
    SELECT opened_at, closed_at FROM subject_waiting
)
SELECT
    count(*) FILTER (
        WHERE closed_at IS NOT NULL OR raised_at + interval '72 hours' <= %(now)s::timestamptz
    ),
    count(*) FILTER (WHERE closed_at <= raised_at + interval '72 hours')
FROM raised WHERE raised_at >= %(since)s AND raised_at < %(until)s

-- name: intervals
-- As validation left the days: what a person or an estimate put in later was not read.
SELECT
    coalesce(sum(block_heading.intervals), 0),
    coalesce(sum(block_heading.intervals - newest.missing - newest.estimated), 0)
FROM (
    SELECT DISTINCT ON (channel_id, day) heading_id, missing, estimated
    FROM day_block
    WHERE day >= %(first)s AND day < %(end)s AND NOT edited
    ORDER BY channel_id, day, version DESC
) AS newest
JOIN block_heading ON block_heading.id = newest.heading_id
