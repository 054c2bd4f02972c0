-- name: channels_at
SELECT point_channel.id, point_channel.obis
FROM point_channel JOIN service_point ON service_point.id = point_channel.service_point_id
WHERE service_point.name = %(point)s
ORDER BY point_channel.obis

-- name: versions
SELECT
    channel_id, day, version, sha256, content,
    zone, unit, period_s, exponent, start_ms, intervals, actor, made_at, reason
FROM day_block JOIN block_heading ON block_heading.id = heading_id
WHERE channel_id = %(channel)s AND day >= %(first)s AND day < %(end)s
ORDER BY day, version DESC
