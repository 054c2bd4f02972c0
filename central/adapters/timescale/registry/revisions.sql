-- name: add
INSERT INTO registry_revision (
    kind, subject, revision, content, personal, recorded_at, recorded_by, reason
)
SELECT
    %(kind)s, %(subject)s, coalesce(max(revision), 0) + 1, %(content)s, %(personal)s, %(at)s,
    %(actor)s, %(reason)s
FROM registry_revision WHERE kind = %(kind)s AND subject = %(subject)s

-- name: add_before
-- What was there before revisions were kept.
INSERT INTO registry_revision (kind, subject, revision, content, personal)
SELECT %(kind)s, %(subject)s, 1, %(content)s, %(personal)s
WHERE NOT EXISTS (
    SELECT FROM registry_revision WHERE kind = %(kind)s AND subject = %(subject)s
)

-- name: revisions
SELECT kind, subject, revision, content || coalesce(personal, '{}'), recorded_at, recorded_by, reason
FROM registry_revision
WHERE kind = %(kind)s AND (%(subject)s::text IS NULL OR subject = %(subject)s)
ORDER BY subject, revision
