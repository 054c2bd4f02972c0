-- name: attach
SELECT day_block_attach(%(first)s::date, %(last)s::date, %(now)s)

-- name: headings
SELECT min(id), zone, unit, period_s, exponent, start_ms, intervals
FROM block_heading
JOIN unnest(
    %(zone)s::text[], %(unit)s::text[], %(period_s)s::integer[], %(exponent)s::smallint[],
    %(start_ms)s::integer[], %(intervals)s::smallint[]
) AS wanted (zone, unit, period_s, exponent, start_ms, intervals)
    USING (zone, unit, period_s, exponent, start_ms, intervals)
WHERE block_heading.actor = %(actor)s
GROUP BY zone, unit, period_s, exponent, start_ms, intervals

-- name: add_headings
INSERT INTO block_heading (zone, unit, period_s, exponent, start_ms, intervals, actor)
SELECT *, %(actor)s FROM unnest(
    %(zone)s::text[], %(unit)s::text[], %(period_s)s::integer[], %(exponent)s::smallint[],
    %(start_ms)s::integer[], %(intervals)s::smallint[]
)
RETURNING id, zone, unit, period_s, exponent, start_ms, intervals

-- name: add_blocks
COPY day_block (
    channel_id, made_at, day, version, heading_id, missing, estimated, zeros, edited, total,
    sha256, extremes, content, reason
) FROM STDIN (FORMAT binary)

-- name: blocks
-- The span lets the planner leave months out.
SELECT DISTINCT ON (day_block.channel_id, day_block.day)
    day_block.channel_id, day_block.day, day_block.version, sha256, content,
    zone, unit, period_s, exponent, start_ms, intervals
FROM unnest(%(ids)s::bigint[], %(days)s::date[], %(versions)s::integer[])
    AS wanted (channel_id, day, version)
JOIN day_block ON day_block.channel_id = wanted.channel_id AND day_block.day = wanted.day
    AND day_block.version = coalesce(wanted.version, day_block.version)
    AND day_block.day BETWEEN %(first)s AND %(last)s
JOIN block_heading ON block_heading.id = day_block.heading_id
ORDER BY day_block.channel_id, day_block.day, day_block.version DESC

-- name: below_floor
SELECT service_point.name, block.day, service_point.retention_floor
FROM unnest(%(channels)s::bigint[], %(days)s::date[]) AS block (channel_id, day)
JOIN point_channel ON point_channel.id = block.channel_id
JOIN service_point ON service_point.id = point_channel.service_point_id
WHERE block.day < service_point.retention_floor
ORDER BY block.day LIMIT 1
