-- name: hold
-- Events that are being taken in are waited for: they look up to whom they belong.
SELECT pg_advisory_xact_lock(7305001)

-- name: history
SELECT
    subject.name, assigned.from_day, coalesce(service_point.name, ''), assigned.revision,
    assigned.withdrawn, assigned.recorded_at, assigned.recorded_by, coalesce(assigned.reason, '')
FROM subject_assignment AS assigned
JOIN usage_subject AS subject ON subject.id = assigned.subject_id
LEFT JOIN service_point ON service_point.id = assigned.service_point_id
WHERE (%(subject)s::text IS NULL OR subject.name = %(subject)s)
    AND (
        %(behind_name)s::text IS NULL
        OR (subject.name, assigned.from_day, assigned.revision)
        > (%(behind_name)s, %(behind_day)s::date, %(behind_revision)s::integer)
    )
    AND (%(since)s::timestamptz IS NULL OR assigned.recorded_at >= %(since)s)
ORDER BY subject.name, assigned.from_day, assigned.revision
LIMIT %(limit)s

-- name: point
SELECT
    zone,
    (SELECT min(day_start) FROM service WHERE service.service_point_id = service_point.id)
FROM service_point WHERE name = %(point)s

-- name: points
-- All service points to which a subject ever belonged.
SELECT DISTINCT service_point.name
FROM subject_assignment AS assigned
JOIN service_point ON service_point.id = assigned.service_point_id
WHERE assigned.subject_id = %(key)s

-- name: add
INSERT INTO subject_assignment (
    subject_id, from_day, revision, service_point_id, from_at, withdrawn, recorded_at, recorded_by,
    reason
)
SELECT
    %(key)s, %(from_day)s, %(revision)s,
    (SELECT id FROM service_point WHERE name = %(point)s), %(from_at)s, %(withdrawn)s, %(at)s,
    %(actor)s, %(reason)s

-- name: wait_no_more
UPDATE subject_waiting SET closed_at = %(at)s
WHERE closed_at IS NULL AND subject_id = %(key)s
    AND NOT EXISTS (SELECT FROM waiting_event WHERE waiting_event.subject_id = %(key)s)

-- name: wait
INSERT INTO subject_waiting (subject_id, opened_at)
SELECT %(key)s, %(at)s
WHERE EXISTS (SELECT FROM waiting_event WHERE waiting_event.subject_id = %(key)s)
ON CONFLICT (subject_id) WHERE closed_at IS NULL DO NOTHING

-- name: dismiss
UPDATE subject_waiting
SET closed_at = %(at)s, dismissed_by = %(actor)s, dismissed_reason = %(reason)s
WHERE closed_at IS NULL AND subject_id = %(key)s
RETURNING (SELECT count(*) FROM waiting_event WHERE waiting_event.subject_id = %(key)s)
