-- name: know
INSERT INTO series (name) VALUES (%(name)s) ON CONFLICT (name) DO NOTHING

-- name: hold
SELECT id FROM series WHERE name = %(name)s FOR UPDATE

-- name: history
SELECT
    series.name, usage_meter.since, usage_meter.revision, usage_meter.document,
    usage_meter.withdrawn, usage_meter.recorded_at, usage_meter.recorded_by,
    coalesce(usage_meter.reason, '')
FROM series JOIN usage_meter ON usage_meter.series_id = series.id
WHERE %(name)s::text IS NULL OR series.name = %(name)s
ORDER BY series.name, usage_meter.since, usage_meter.revision

-- name: add
INSERT INTO usage_meter (
    series_id, since, revision, document, withdrawn, recorded_at, recorded_by, reason
)
SELECT
    id, %(since)s, %(revision)s, %(document)s, %(withdrawn)s, %(at)s, %(actor)s, %(reason)s
FROM series WHERE name = %(name)s

-- name: changed
UPDATE series SET changed_at = %(at)s WHERE name = %(name)s
