-- name: conflicts
SELECT
    conflict.id, gateway.name, meter.manufacturer || '/' || meter.serial, channel.obis, channel.unit,
    conflict.at, newest.mantissa, newest.exponent, conflict.mantissa, conflict.exponent,
    conflict.found_at
FROM conflict
JOIN batch ON batch.id = conflict.batch_id
JOIN gateway ON gateway.id = batch.gateway_id
JOIN channel ON channel.id = conflict.channel_id
JOIN meter ON meter.id = channel.meter_id
CROSS JOIN LATERAL (
    SELECT mantissa, exponent FROM reading
    WHERE reading.channel_id = conflict.channel_id AND reading.at = conflict.at
    ORDER BY revision DESC LIMIT 1
) AS newest
WHERE conflict.decided_at IS NULL
ORDER BY conflict.id LIMIT %(limit)s

-- name: settle
UPDATE conflict SET decided_at = %(at)s, decided_by = %(actor)s, decision = %(choice)s
WHERE id = %(id)s AND decided_at IS NULL
RETURNING channel_id, at, mantissa, exponent, flags, span_ms

-- name: kept
SELECT mantissa, exponent FROM reading WHERE channel_id = %(channel_id)s AND at = %(at)s
ORDER BY revision DESC LIMIT 1

-- name: revise
WITH revised AS (
    INSERT INTO reading (channel_id, at, revision, mantissa, exponent, flags, span_ms)
    SELECT
        %(channel_id)s, %(at)s, max(revision) + 1, %(mantissa)s, %(exponent)s, %(flags)s,
        %(span_ms)s
    FROM reading WHERE channel_id = %(channel_id)s AND at = %(at)s
    RETURNING channel_id, at, revision
)
INSERT INTO reading_recorded (channel_id, at, revision, recorded_at)
SELECT channel_id, at, revision, %(recorded_at)s FROM revised

-- name: counted_at
-- The channels of points that a meter's channel fed at an instant; the end of an installation is its
-- closing read.
SELECT
    point_channel.id, service_point.name, service_point.zone, point_channel.obis,
    point_channel.period_s, point_channel.unit, point_channel.day_start
FROM channel
JOIN installation ON installation.meter_id = channel.meter_id
    AND %(at)s::timestamptz >= lower(installation.during)
    AND %(at)s::timestamptz <= coalesce(upper(installation.during), 'infinity')
JOIN service_point ON service_point.id = installation.service_point_id
JOIN point_channel ON point_channel.service_point_id = service_point.id
    AND point_channel.obis = channel.obis
WHERE channel.id = %(channel_id)s
ORDER BY service_point.name

-- name: queue_for_validation
INSERT INTO touched (channel_id, from_at, until_at)
VALUES (%(channel_id)s, %(at)s, %(at)s::timestamptz + interval '1 millisecond')

-- name: accept_report
UPDATE finding SET closed_at = %(at)s, closed_by = %(actor)s
WHERE id = %(id)s AND closed_at IS NULL
RETURNING code, key
