-- name: know
INSERT INTO series (name) VALUES (%(name)s) ON CONFLICT (name) DO NOTHING

-- name: hold
SELECT id FROM series WHERE name = %(name)s FOR UPDATE

-- name: newest
SELECT DISTINCT ON (series.name, series_day.day)
    series.name, series_day.day, series_day.step_s, series_day.exponent, series_day.mantissas,
    series_day.version
FROM series
JOIN series_day ON series_day.series_id = series.id
WHERE series.name = any(%(names)s) AND series_day.day >= %(first)s AND series_day.day < %(end)s
ORDER BY series.name, series_day.day, series_day.version DESC

-- name: add
INSERT INTO series_day
    (series_id, day, version, step_s, exponent, mantissas, made_at, actor, reason)
SELECT series.id, %(day)s, %(version)s, %(step_s)s, %(exponent)s, %(mantissas)s, %(at)s, %(actor)s,
    %(reason)s
FROM series WHERE series.name = %(name)s

-- name: changed
UPDATE series SET changed_at = %(at)s WHERE name = %(name)s

-- name: table_history
SELECT
    series.name, lookup_table.since, lookup_table.revision, lookup_table.keyed_by, lookup_table.unit,
    lookup_table.entries, lookup_table.withdrawn, lookup_table.recorded_at,
    lookup_table.recorded_by, lookup_table.reason
FROM series
JOIN lookup_table ON lookup_table.series_id = series.id
WHERE (%(name)s::text IS NULL OR series.name = %(name)s)
ORDER BY series.name, lookup_table.since, lookup_table.revision

-- name: tables
SELECT DISTINCT ON (series.name, lookup_table.since)
    series.name, lookup_table.since, lookup_table.revision, lookup_table.keyed_by, lookup_table.unit,
    lookup_table.entries, lookup_table.withdrawn
FROM series
JOIN lookup_table ON lookup_table.series_id = series.id
WHERE series.name = any(%(names)s)
ORDER BY series.name, lookup_table.since, lookup_table.revision DESC

-- name: add_table
INSERT INTO lookup_table (
    series_id, since, revision, keyed_by, unit, entries, withdrawn, recorded_at, recorded_by, reason
)
SELECT series.id, %(since)s, %(revision)s, %(by)s, %(unit)s, %(entries)s, %(withdrawn)s, %(at)s,
    %(actor)s, %(reason)s
FROM series WHERE series.name = %(name)s
