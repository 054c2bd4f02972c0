-- name: seller
SELECT name, address, tax_id, contact FROM seller

-- name: accounts
SELECT id, number, name, address, tax_id, contact FROM account
WHERE id = ANY(%(accounts)s) ORDER BY id

-- name: tariffs
SELECT tariff.name, effective, document, tariff_in_force.sha256, currency, revision
FROM tariff JOIN tariff_in_force ON tariff_in_force.tariff_id = tariff.id
WHERE tariff.name = ANY(%(names)s)
ORDER BY tariff.name, effective

-- name: channels
SELECT id, service_point_id, obis FROM point_channel
WHERE service_point_id = ANY(%(points)s) ORDER BY id

-- name: month
-- The newest version of each day, the days of one channel and shape end to end. All columns of a
-- row hold the days in one order, whichever it is. Channel by channel the index gives that order
-- backwards; sorted together, the blocks of a shard would go to disk.
SELECT
    month.channel_id, days, versions, sha256, lengths, content,
    zone, unit, period_s, exponent, start_ms, intervals
FROM unnest(%(channels)s::bigint[]) AS wanted (channel_id)
CROSS JOIN LATERAL (
    SELECT
        wanted.channel_id, heading_id,
        string_agg(date_send(day), '') AS days, string_agg(int4send(version), '') AS versions,
        string_agg(sha256, '') AS sha256, string_agg(int4send(length(content)), '') AS lengths,
        string_agg(content, '') AS content
    FROM (
        SELECT DISTINCT ON (day) day, version, heading_id, sha256, content
        FROM day_block
        WHERE day_block.channel_id = wanted.channel_id
            AND day >= %(first)s AND day < %(end)s
        ORDER BY day DESC, version DESC
    ) AS newest
    GROUP BY heading_id
) AS month
JOIN block_heading ON block_heading.id = month.heading_id

-- name: critical
-- Of what a channel has a share in as well.
SELECT counted.id AS channel_id, day, code, message, from_at
FROM (
    SELECT id, id AS judged FROM unnest(%(channels)s::bigint[]) AS id
    UNION ALL
    SELECT channel_id, source_id FROM allocated_channel WHERE channel_id = ANY(%(channels)s)
) AS counted
JOIN vee_finding ON vee_finding.channel_id = counted.judged
WHERE day >= %(first)s AND day < %(end)s
    AND closed_at IS NULL AND severity = 'critical' AND accepted_by IS NULL
    -- Rating names missing intervals itself, and cannot be talked out of them.
    AND code <> 'MISSING_INTERVALS'
ORDER BY channel_id, day, from_at, code

-- name: conflicts
-- Of what a channel has a share in as well.
SELECT counted.service_point_id, counted.id, conflict.at
FROM (
    SELECT id, service_point_id, service_point_id AS metered_at, obis FROM point_channel
    WHERE service_point_id = ANY(%(points)s)
    UNION ALL
    SELECT point_channel.id, point_channel.service_point_id, source.service_point_id, source.obis
    FROM point_channel
    JOIN allocated_channel ON allocated_channel.channel_id = point_channel.id
    JOIN point_channel AS source ON source.id = allocated_channel.source_id
    WHERE point_channel.service_point_id = ANY(%(points)s)
) AS counted
JOIN installation ON installation.service_point_id = counted.metered_at
JOIN channel ON channel.meter_id = installation.meter_id AND channel.obis = counted.obis
JOIN conflict ON conflict.channel_id = channel.id AND conflict.decided_at IS NULL
    AND conflict.at >= lower(installation.during)
    AND conflict.at <= coalesce(upper(installation.during), 'infinity')
WHERE conflict.at BETWEEN %(from_at)s AND %(until_at)s
ORDER BY counted.service_point_id, conflict.at, counted.id

-- name: holes
-- Parts whose readings, or those of what they have a share in, came through a gateway of which something
-- never arrived; a day more on both sides, whatever the zone is, as in `stamps.sql`.
SELECT wanted.number, finding.code, gateway.name, min(finding.id)
FROM unnest(%(numbers)s::integer[], %(points)s::bigint[], %(firsts)s::date[], %(ends)s::date[])
    AS wanted (number, service_point_id, first_day, end_day)
CROSS JOIN LATERAL (
    SELECT wanted.service_point_id AS id
    UNION
    SELECT source.service_point_id
    FROM point_channel
    JOIN allocated_channel ON allocated_channel.channel_id = point_channel.id
    JOIN point_channel AS source ON source.id = allocated_channel.source_id
    WHERE point_channel.service_point_id = wanted.service_point_id
) AS metered
JOIN installation ON installation.service_point_id = metered.id
    AND installation.during && tstzrange(
        (wanted.first_day - 1)::timestamp AT TIME ZONE 'UTC',
        (wanted.end_day + 1)::timestamp AT TIME ZONE 'UTC'
    )
JOIN meter ON meter.id = installation.meter_id
JOIN gateway ON gateway.id = meter.gateway_id
JOIN finding ON finding.gateway_id = gateway.id AND finding.closed_at IS NULL
    AND finding.code = ANY(%(codes)s)
GROUP BY wanted.number, finding.code, gateway.name
ORDER BY 1, 2, 3

-- name: meters
-- Registers that were installed while the period ran, with what was written down of them.
SELECT
    point_channel.service_point_id, point_channel.id, point_channel.obis, point_channel.unit,
    meter.id, meter.serial, lower(installation.during), upper(installation.during),
    multiplier_numerator, multiplier_denominator, register.opening, register.closing,
    meter.manufacturer
FROM point_channel
JOIN installation ON installation.service_point_id = point_channel.service_point_id
    AND installation.during && tstzrange(%(from_at)s, %(until_at)s)
JOIN meter ON meter.id = installation.meter_id
LEFT JOIN installation_register AS register
    ON register.installation_id = installation.id AND register.obis = point_channel.obis
WHERE point_channel.service_point_id = ANY(%(points)s)
ORDER BY point_channel.service_point_id, point_channel.id, lower(installation.during)

-- name: reads
-- What each register showed at an instant, as validation snaps it: the meter's own profile first.
SELECT DISTINCT ON (wanted.number)
    wanted.number, reading.mantissa, reading.exponent
FROM unnest(%(numbers)s::integer[], %(meters)s::bigint[], %(obis)s::bytea[], %(at)s::timestamptz[])
    AS wanted (number, meter_id, obis, at)
JOIN channel ON channel.meter_id = wanted.meter_id AND channel.obis = wanted.obis
    AND channel.kind = 0
JOIN reading ON reading.channel_id = channel.id
    AND reading.at BETWEEN wanted.at - interval '10 seconds' AND wanted.at + interval '10 seconds'
    -- Neither unsynchronised nor suspect.
    AND reading.flags >> 4 <> 2 AND reading.flags & 15 <> 2
ORDER BY
    wanted.number, channel.source DESC,
    greatest(reading.at - wanted.at, wanted.at - reading.at), reading.revision DESC
