-- name: revisions
SELECT revision, effective, document, recorded_at, actor, reason
FROM billing_settings ORDER BY revision

-- name: add
INSERT INTO billing_settings (revision, effective, document, recorded_at, actor, reason)
VALUES (%(revision)s, %(effective)s, %(document)s, %(at)s, %(actor)s, %(reason)s)
ON CONFLICT (revision) DO NOTHING
