-- name: days_of
SELECT DISTINCT ON (day)
    channel_id, day, version, sha256, content,
    zone, unit, period_s, exponent, start_ms, intervals
FROM day_block JOIN block_heading ON block_heading.id = heading_id
WHERE channel_id = %(channel)s AND day >= %(first)s AND day < %(end)s
ORDER BY day, version DESC

-- name: estimates
SELECT newest.* FROM unnest(%(ids)s::bigint[], %(days)s::date[]) AS wanted (channel_id, day)
JOIN LATERAL (
    SELECT
        channel_id, day, version, sha256, content,
        zone, unit, period_s, exponent, start_ms, intervals, reason
    FROM day_block JOIN block_heading ON block_heading.id = heading_id
    WHERE day_block.channel_id = wanted.channel_id AND day_block.day = wanted.day
        AND day_block.day BETWEEN %(first)s AND %(last)s
    ORDER BY version DESC LIMIT 1
) AS newest ON newest.reason <> ''

-- name: with_estimates
SELECT DISTINCT channel_id FROM vee_finding
WHERE channel_id = ANY(%(ids)s::bigint[]) AND code = %(code)s AND closed_at IS NULL

-- name: without_meter
SELECT DISTINCT day FROM vee_finding
WHERE channel_id = %(channel)s AND day >= %(first)s AND day < %(end)s AND code = %(code)s
    AND closed_at IS NULL AND accepted_by IS NULL

-- name: issued
-- The account leads to its bills by their index; parts have none by agreement. Where the channel is shared
-- out, its shares are billed.
SELECT bill_part.first_day, bill_part.end_day
FROM point_channel
JOIN service ON service.service_point_id = point_channel.service_point_id
    AND (service.channels IS NULL OR point_channel.obis = ANY(service.channels))
JOIN agreement ON agreement.service_id = service.id
JOIN bill ON bill.account_id = agreement.account_id AND bill.state = 'issued'
JOIN live_part AS bill_part ON bill_part.bill_id = bill.id
    AND bill_part.agreement_id = agreement.id AND NOT bill_part.settles
WHERE point_channel.id = ANY(
    ARRAY[%(channel)s::bigint]
    || ARRAY(SELECT channel_id FROM allocated_channel WHERE source_id = %(channel)s)
) AND bill_part.first_day < %(end)s AND bill_part.end_day > %(first)s

-- name: tariffs_of
SELECT tariff.name, effective, document, tariff_in_force.sha256, currency, revision
FROM tariff JOIN tariff_in_force ON tariff_in_force.tariff_id = tariff.id
WHERE EXISTS (
    SELECT FROM point_channel
    JOIN service ON service.service_point_id = point_channel.service_point_id
        AND (service.channels IS NULL OR point_channel.obis = ANY(service.channels))
    JOIN agreement ON agreement.service_id = service.id
        AND agreement.during && daterange(%(first)s, %(end)s)
    WHERE point_channel.id = %(channel)s AND agreement.tariff_id = tariff.id
)
ORDER BY tariff.name, effective

-- name: raise_beside
INSERT INTO vee_finding (
    channel_id, day, code, severity, from_at, until_at, message, evidence, raised_at
) VALUES (
    %(channel_id)s, %(day)s, %(code)s, %(severity)s, %(from_at)s, %(until_at)s, %(message)s,
    %(evidence)s, %(at)s
)
ON CONFLICT (channel_id, day, code, from_at) WHERE closed_at IS NULL DO NOTHING

-- name: close_code
UPDATE vee_finding SET closed_at = %(at)s
WHERE channel_id = %(channel)s AND day = %(day)s AND code = %(code)s AND closed_at IS NULL

-- name: held_days
-- Each service of a held bill, or missing days in a row of a channel that is billed to somebody, with
-- the channels that are billed there (of a share what it is a share in), and of the bills right before them whether any of their days
-- is estimated now, the newest first.
SELECT
    account.number, service_point.name, service_point.zone, service.day_start,
    held.first_day, held.end_day,
    array(
        SELECT DISTINCT coalesce(allocated_channel.source_id, point_channel.id)
        FROM point_channel
        LEFT JOIN allocated_channel ON allocated_channel.channel_id = point_channel.id
        WHERE point_channel.service_point_id = service_point.id
            AND (service.channels IS NULL OR point_channel.obis = ANY(service.channels))
            AND coalesce(held.channel_id, point_channel.id) = point_channel.id
        ORDER BY 1
    ) AS channels,
    array(
        SELECT EXISTS (
            SELECT FROM point_channel
            JOIN day_block ON day_block.channel_id = point_channel.id
            JOIN block_heading ON block_heading.id = day_block.heading_id
            WHERE point_channel.service_point_id = service_point.id
                AND (service.channels IS NULL OR point_channel.obis = ANY(service.channels))
                AND day_block.day >= earlier.first_day AND day_block.day < earlier.end_day
                AND block_heading.actor = %(estimator)s
                AND NOT EXISTS (
                    SELECT FROM day_block AS newer
                    WHERE newer.channel_id = day_block.channel_id AND newer.day = day_block.day
                        AND newer.version > day_block.version
                )
        )
        FROM (
            SELECT min(bill_part.first_day) AS first_day, max(bill_part.end_day) AS end_day
            FROM live_part AS bill_part
            JOIN bill ON bill.id = bill_part.bill_id AND bill.state <> 'discarded'
            JOIN agreement ON agreement.id = bill_part.agreement_id
            -- The account leads to its bills by their index; parts have none by agreement.
            WHERE bill.account_id = held.account_id
                AND agreement.occupancy_id = held.occupancy_id
                AND bill_part.end_day <= held.first_day
            GROUP BY bill.id
            ORDER BY 2 DESC LIMIT %(most)s
        ) AS earlier
        ORDER BY earlier.end_day DESC
    ) AS estimated
FROM (
    SELECT
        bill.id AS bill_id, bill.account_id, agreement.occupancy_id, agreement.service_id,
        NULL::bigint AS channel_id,
        min(bill_part.first_day) AS first_day, max(bill_part.end_day) AS end_day
    FROM bill
    JOIN bill_part ON bill_part.bill_id = bill.id AND NOT bill_part.settles
    JOIN agreement ON agreement.id = bill_part.agreement_id
    WHERE NOT %(waiting)s AND bill.state = 'held' AND bill.decision IS NULL
    GROUP BY bill.id, agreement.occupancy_id, agreement.service_id
    UNION ALL
    SELECT
        NULL::bigint AS bill_id, account_id, occupancy_id, service_id, channel_id,
        min(day) AS first_day, max(day) + 1 AS end_day
    FROM (
        SELECT
            occupancy.account_id, occupancy.id AS occupancy_id, occupancy.service_id,
            point_channel.id AS channel_id, missing.day,
            missing.day - row_number() OVER (
                PARTITION BY occupancy.id, point_channel.id ORDER BY missing.day
            )::integer AS stretch
        FROM (
            SELECT DISTINCT channel_id, day FROM vee_finding
            WHERE %(waiting)s AND code = %(missing)s AND closed_at IS NULL AND day < %(ended_by)s
        ) AS missing
        CROSS JOIN LATERAL (
            SELECT missing.channel_id AS id
            UNION ALL
            SELECT allocated_channel.channel_id FROM allocated_channel
            WHERE allocated_channel.source_id = missing.channel_id
        ) AS counted
        JOIN point_channel ON point_channel.id = counted.id
        JOIN service ON service.service_point_id = point_channel.service_point_id
            AND (service.channels IS NULL OR point_channel.obis = ANY(service.channels))
        JOIN occupancy ON occupancy.service_id = service.id
            AND missing.day >= occupancy.billing_from
            AND missing.day < coalesce(occupancy.ended_on, 'infinity')
    ) AS numbered
    GROUP BY account_id, occupancy_id, service_id, channel_id, stretch
) AS held
JOIN account ON account.id = held.account_id
JOIN service ON service.id = held.service_id
JOIN service_point ON service_point.id = service.service_point_id
WHERE held.end_day <= %(ended_by)s
ORDER BY held.end_day, held.bill_id, held.occupancy_id, held.channel_id

-- name: held_runs
SELECT bill_run.cycle, bill_run.run_type, bill_run.scope FROM bill_run
WHERE EXISTS (
    SELECT FROM bill
    WHERE bill.run_id = bill_run.id AND bill.state = 'held' AND bill.decision IS NULL
)
ORDER BY bill_run.id
