-- name: queue_day
-- The meters that were at the point on the day of a finding.
INSERT INTO touched (channel_id, from_at, until_at)
SELECT DISTINCT
    channel.id, greatest(vee_finding.from_at, lower(installation.during)), vee_finding.until_at
FROM vee_finding
JOIN point_channel ON point_channel.id = vee_finding.channel_id
JOIN installation ON installation.service_point_id = point_channel.service_point_id
    AND installation.withdrawn IS NULL
    AND installation.during && tstzrange(vee_finding.from_at, vee_finding.until_at)
JOIN channel ON channel.meter_id = installation.meter_id AND channel.obis = point_channel.obis
WHERE vee_finding.id = %(finding)s
RETURNING channel_id

-- name: day_of
SELECT channel_id, day FROM vee_finding WHERE id = %(finding)s

-- name: bill_uid
SELECT uid FROM bill WHERE id = %(number)s
