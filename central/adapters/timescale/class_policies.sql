-- name: policies
SELECT class_name, version, effective, document, reason, recorded_by, recorded_at
FROM class_policy
WHERE of = %(of)s AND class_name = coalesce(%(class_name)s, class_name)
ORDER BY class_name, version DESC

-- name: has_group
SELECT EXISTS (SELECT FROM named_group WHERE name = %(name)s AND of = 'point')

-- name: add_policy
INSERT INTO class_policy (
    of, class_name, version, effective, document, reason, recorded_by, recorded_at
)
SELECT
    %(of)s, %(class_name)s, coalesce(max(version), 0) + 1, %(effective)s, %(document)s, %(reason)s,
    %(actor)s, %(at)s
FROM class_policy WHERE of = %(of)s AND class_name = %(class_name)s
RETURNING version
