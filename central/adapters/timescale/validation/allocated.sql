-- name: newest
SELECT DISTINCT ON (day_block.channel_id, day_block.day)
    day_block.channel_id, day_block.day, day_block.version, day_block.sha256,
    day_block.reason <> ''
FROM unnest(%(ids)s::bigint[], %(days)s::date[]) AS wanted (channel_id, day)
JOIN day_block ON day_block.channel_id = wanted.channel_id AND day_block.day = wanted.day
    AND day_block.day BETWEEN %(first)s AND %(last)s
ORDER BY day_block.channel_id, day_block.day, day_block.version DESC

-- name: sources
-- Channels that are shared out, of some, and what has a share in them.
SELECT source_id, channel_id, obis
FROM allocated_channel JOIN point_channel ON point_channel.id = channel_id
WHERE source_id = ANY(%(ids)s) ORDER BY source_id, channel_id

-- name: allocations
SELECT source_id, effective, revision, shares, withdrawn FROM allocation
WHERE source_id = ANY(%(ids)s) ORDER BY source_id, effective, revision

-- name: newest_of
-- The newest block of days, with who made it.
SELECT DISTINCT ON (day_block.channel_id, day_block.day)
    day_block.channel_id, day_block.day, day_block.version, sha256, content,
    zone, unit, period_s, exponent, start_ms, intervals, actor
FROM unnest(%(ids)s::bigint[], %(days)s::date[]) AS wanted (channel_id, day)
JOIN day_block ON day_block.channel_id = wanted.channel_id AND day_block.day = wanted.day
    AND day_block.day BETWEEN %(first)s AND %(last)s
JOIN block_heading ON block_heading.id = day_block.heading_id
ORDER BY day_block.channel_id, day_block.day, day_block.version DESC

-- name: closed_days
SELECT DISTINCT day FROM day_block WHERE channel_id = %(source)s AND day >= %(first)s

-- name: sharing_points
SELECT
    service_point.name, service_point.zone,
    (
        SELECT min(service.day_start) FROM service
        WHERE service.service_point_id = service_point.id
            AND (service.channels IS NULL OR %(obis)s = ANY(service.channels))
    ),
    point_channel.id, allocated_channel.source_id,
    allocated_channel.channel_id IS NULL AND EXISTS (
        SELECT FROM day_block WHERE day_block.channel_id = point_channel.id
    ),
    EXISTS (SELECT FROM allocated_channel WHERE allocated_channel.source_id = point_channel.id),
    service_point.retention_floor
FROM service_point
LEFT JOIN point_channel ON point_channel.service_point_id = service_point.id
    AND point_channel.obis = %(obis)s
LEFT JOIN allocated_channel ON allocated_channel.channel_id = point_channel.id
WHERE service_point.name = ANY(%(names)s)

-- name: add_channels
-- Their days are cut, and closed, as those of their source.
INSERT INTO point_channel (service_point_id, obis, period_s, unit, day_start)
SELECT service_point.id, %(obis)s, source.period_s, source.unit, source.day_start
FROM service_point CROSS JOIN point_channel AS source
WHERE service_point.name = ANY(%(names)s) AND source.id = %(source)s
ORDER BY service_point.id
ON CONFLICT (service_point_id, obis) DO NOTHING

-- name: share_in
INSERT INTO allocated_channel (channel_id, source_id, recorded_at)
SELECT point_channel.id, %(source)s, %(at)s
FROM point_channel JOIN service_point ON service_point.id = point_channel.service_point_id
WHERE service_point.name = ANY(%(names)s) AND point_channel.obis = %(obis)s
ORDER BY point_channel.id
ON CONFLICT (channel_id) DO NOTHING

-- name: channels_of
SELECT service_point.name, point_channel.id
FROM point_channel JOIN service_point ON service_point.id = point_channel.service_point_id
WHERE service_point.name = ANY(%(names)s) AND point_channel.obis = %(obis)s

-- name: add_allocation
INSERT INTO allocation (
    source_id, effective, revision, shares, remainder_id, withdrawn, reason, recorded_by, recorded_at
)
SELECT
    %(source)s, %(effective)s,
    coalesce(max(allocation.revision), 0) + 1, %(shares)s, %(remainder)s, %(withdrawn)s,
    %(reason)s, %(actor)s, %(at)s
FROM allocation WHERE source_id = %(source)s AND effective = %(effective)s
RETURNING revision

-- name: close_shares
-- What is shared out is closed with its source. Who reopens days of a point holds rows until the commit:
-- what is skipped is noted with the next day.
WITH free AS (
    SELECT point_channel.id, source.closed_through
    FROM allocated_channel
    JOIN point_channel AS source ON source.id = allocated_channel.source_id
    JOIN point_channel ON point_channel.id = allocated_channel.channel_id
        AND point_channel.closed_through IS DISTINCT FROM source.closed_through
    WHERE allocated_channel.source_id = ANY(%(ids)s)
    ORDER BY point_channel.id
    FOR NO KEY UPDATE OF point_channel SKIP LOCKED
)
UPDATE point_channel SET closed_through = free.closed_through
FROM free WHERE point_channel.id = free.id

-- name: issued_shares
SELECT service_point.name, bill_part.first_day, bill_part.end_day
FROM allocated_channel
JOIN point_channel ON point_channel.id = allocated_channel.channel_id
JOIN service_point ON service_point.id = point_channel.service_point_id
JOIN service ON service.service_point_id = point_channel.service_point_id
    AND (service.channels IS NULL OR point_channel.obis = ANY(service.channels))
JOIN agreement ON agreement.service_id = service.id
JOIN bill ON bill.account_id = agreement.account_id AND bill.state = 'issued'
JOIN live_part AS bill_part ON bill_part.bill_id = bill.id
    AND bill_part.agreement_id = agreement.id AND NOT bill_part.settles
WHERE allocated_channel.source_id = %(source)s AND bill_part.end_day > %(first)s
ORDER BY service_point.name, bill_part.first_day

-- name: entered
SELECT
    service_point.name, source.obis, allocation.effective, allocation.revision, allocation.shares,
    allocation.withdrawn, allocation.remainder_id, allocation.recorded_by, allocation.recorded_at,
    allocation.reason, allocation.revision = max(allocation.revision) OVER (
        PARTITION BY allocation.source_id, allocation.effective
    )
FROM allocation
JOIN point_channel AS source ON source.id = allocation.source_id
JOIN service_point ON service_point.id = source.service_point_id
WHERE %(point)s::text IS NULL OR service_point.name = %(point)s
ORDER BY service_point.name, source.obis, allocation.effective, allocation.revision

-- name: names
SELECT point_channel.id, service_point.name, point_channel.obis
FROM point_channel JOIN service_point ON service_point.id = point_channel.service_point_id
WHERE point_channel.id = ANY(%(ids)s)

-- name: shared_days
SELECT DISTINCT ON (day_block.channel_id, day_block.day)
    day_block.channel_id, day_block.day, day_block.version, sha256, content,
    zone, unit, period_s, exponent, start_ms, intervals
FROM day_block JOIN block_heading ON block_heading.id = day_block.heading_id
WHERE day_block.channel_id = ANY(%(ids)s)
    AND day_block.day >= %(first)s AND day_block.day < %(end)s
ORDER BY day_block.channel_id, day_block.day, day_block.version DESC
