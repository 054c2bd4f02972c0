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
