-- name: storms
SELECT storm.id, named_group.name, from_at, coalesce(ended.until_at, storm.until_at), rules, storm.reason
FROM storm
JOIN named_group ON named_group.id = storm.group_id
LEFT JOIN LATERAL (
    SELECT until_at FROM storm_end WHERE storm_id = storm.id ORDER BY revision DESC LIMIT 1
) AS ended ON true
ORDER BY storm.id DESC

-- name: add_storm
INSERT INTO storm (group_id, from_at, until_at, rules, reason, recorded_by, recorded_at)
SELECT id, %(from_at)s, %(until_at)s, %(rules)s, %(reason)s, %(actor)s, %(at)s
FROM named_group WHERE name = %(group)s AND of = 'point'
RETURNING id

-- name: storm
SELECT storm.id, from_at, coalesce(ended.until_at, storm.until_at), coalesce(ended.revision, 0)
FROM storm
LEFT JOIN LATERAL (
    SELECT until_at, revision FROM storm_end
    WHERE storm_id = storm.id ORDER BY revision DESC LIMIT 1
) AS ended ON true
WHERE storm.id = %(storm)s

-- name: end_storm
INSERT INTO storm_end (storm_id, revision, until_at, reason, recorded_by, recorded_at)
VALUES (%(storm)s, %(revision)s, %(until_at)s, %(reason)s, %(actor)s, %(at)s)

-- name: queue_storm
-- The days of its points are validated again. What is not over yet is closed in its own time.
INSERT INTO touched (channel_id, from_at, until_at)
SELECT DISTINCT channel.id, greatest(%(from_at)s, lower(installation.during)), %(until_at)s
FROM storm
JOIN group_member ON group_member.group_id = storm.group_id AND group_member.of = 'point'
JOIN installation ON installation.service_point_id = group_member.service_point_id
    AND installation.withdrawn IS NULL
    AND installation.during && tstzrange(%(from_at)s, %(until_at)s)
JOIN channel ON channel.meter_id = installation.meter_id
WHERE storm.id = %(storm)s

-- name: channels_of
SELECT point_channel.id FROM point_channel
WHERE point_channel.id > %(after)s AND (
    %(group)s::text IS NULL OR EXISTS (
        SELECT FROM group_member JOIN named_group ON named_group.id = group_member.group_id
        WHERE named_group.name = %(group)s
            AND group_member.service_point_id = point_channel.service_point_id
            AND group_member.from_day <= %(last)s
            AND coalesce(group_member.end_day, 'infinity') > %(first)s
    )
)
ORDER BY point_channel.id
LIMIT %(limit)s

-- name: in_force
-- Versions that judge days until one, and storms that touch an interval: two short tables.
SELECT class_name, version, effective, document, NULL, NULL, NULL, NULL, NULL
FROM class_policy WHERE of = 'day' AND effective <= %(last)s
UNION ALL
SELECT
    named_group.name, NULL, NULL, NULL, storm.id, from_at,
    coalesce(ended.until_at, storm.until_at), rules, storm.reason
FROM storm
JOIN named_group ON named_group.id = storm.group_id
LEFT JOIN LATERAL (
    SELECT until_at FROM storm_end WHERE storm_id = storm.id ORDER BY revision DESC LIMIT 1
) AS ended ON true
WHERE from_at < %(until_at)s
    AND coalesce(ended.until_at, storm.until_at, 'infinity') > %(from_at)s

-- name: groups_of
SELECT point_channel.id, named_group.name, group_member.from_day, group_member.end_day
FROM point_channel
JOIN group_member ON group_member.service_point_id = point_channel.service_point_id
    AND group_member.of = 'point'
JOIN named_group ON named_group.id = group_member.group_id
WHERE point_channel.id = ANY(%(ids)s) AND named_group.name = ANY(%(names)s)
ORDER BY point_channel.id, named_group.name, group_member.from_day
