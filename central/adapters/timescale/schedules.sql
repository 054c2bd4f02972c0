-- name: schedules
SELECT name, job, at, zone, day, group_name, cycle, paused FROM schedule ORDER BY name

-- name: zones
SELECT DISTINCT zone FROM service_point ORDER BY zone

-- name: keep
INSERT INTO schedule (
    name, job, at, zone, day, group_name, cycle, paused, recorded_at, recorded_by
)
VALUES (
    %(name)s, %(job)s, %(time)s, %(zone)s, %(day)s, %(group)s, %(cycle)s, %(paused)s,
    %(at)s, %(actor)s
)
ON CONFLICT (name) DO UPDATE SET
    job = excluded.job, at = excluded.at, zone = excluded.zone, day = excluded.day,
    group_name = excluded.group_name, cycle = excluded.cycle, paused = excluded.paused,
    recorded_at = excluded.recorded_at, recorded_by = excluded.recorded_by

-- name: drop
DELETE FROM schedule WHERE name = %(name)s
