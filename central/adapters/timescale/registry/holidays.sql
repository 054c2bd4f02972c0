-- name: history
SELECT name, year, revision, days, withdrawn, recorded_at, recorded_by, reason
FROM holiday_calendar
WHERE (%(name)s::text IS NULL OR name = %(name)s)
ORDER BY name, year, revision

-- name: newest
SELECT DISTINCT ON (name, year) name, year, revision, days, withdrawn
FROM holiday_calendar ORDER BY name, year, revision DESC

-- name: add
INSERT INTO holiday_calendar (
    name, year, revision, days, withdrawn, recorded_at, recorded_by, reason
)
VALUES (
    %(name)s, %(year)s, %(revision)s, %(days)s, %(withdrawn)s, %(at)s, %(actor)s, %(reason)s
)
ON CONFLICT DO NOTHING
