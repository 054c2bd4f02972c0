-- name: counts
SELECT (SELECT count(*) FROM day_block_wide), (SELECT count(*) FROM day_block)

-- name: last
SELECT channel_id, day, version FROM day_block
ORDER BY channel_id DESC, day DESC, version DESC LIMIT 1

-- name: next
SELECT
    channel_id, day, version, start_at, period_s, exponent, zone, unit, consumption, sha256, made_at,
    actor, reason, quality
FROM day_block_wide
WHERE (channel_id, day, version) > (%(channel_id)s, %(day)s, %(version)s)
ORDER BY channel_id, day, version LIMIT %(limit)s
