-- name: rejected
DELETE FROM rejected WHERE id IN (
    SELECT id FROM rejected WHERE last_at < %(before)s ORDER BY last_at LIMIT %(limit)s
)

-- name: quarantined
DELETE FROM quarantine WHERE batch_id IN (
    SELECT batch_id FROM quarantine WHERE released_at < %(before)s
    ORDER BY released_at LIMIT %(limit)s
)

-- name: findings
DELETE FROM finding WHERE id IN (
    SELECT id FROM finding WHERE closed_at < %(before)s AND closed_by LIKE 'job:%%'
    ORDER BY closed_at LIMIT %(limit)s
)

-- name: vee_findings
DELETE FROM vee_finding WHERE id IN (
    SELECT id FROM vee_finding WHERE closed_at < %(before)s AND accepted_by IS NULL
    ORDER BY closed_at LIMIT %(limit)s
)

-- name: notices
-- With all that was tried; a notice of which anything waits, or ended later, stays whole.
WITH old AS MATERIALIZED (
    SELECT id FROM notice
    WHERE sorted_at IS NOT NULL AND at < %(before)s AND NOT EXISTS (
        SELECT FROM notice_delivery
        WHERE notice_delivery.notice_id = notice.id
            AND (ended_at IS NULL OR ended_at >= %(before)s)
    )
    ORDER BY at, id LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
), sent AS MATERIALIZED (
    SELECT notice_delivery.id FROM notice_delivery JOIN old ON old.id = notice_delivery.notice_id
), tried AS (
    DELETE FROM notice_attempt WHERE delivery_id IN (SELECT id FROM sent)
), delivered AS (
    DELETE FROM notice_delivery WHERE id IN (SELECT id FROM sent)
)
DELETE FROM notice WHERE id IN (SELECT id FROM old)

-- name: merge_touched
-- What validation holds just now is left alone. A range that touches another says as much as both.
WITH waiting AS MATERIALIZED (
    SELECT id, channel_id, from_at, until_at FROM touched
    ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), begun AS (
    SELECT
        *,
        from_at > max(until_at) OVER (
            PARTITION BY channel_id ORDER BY from_at, id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS apart
    FROM waiting
), numbered AS (
    SELECT
        *, count(*) FILTER (WHERE apart) OVER (PARTITION BY channel_id ORDER BY from_at, id) AS span
    FROM begun
), merged AS (
    SELECT
        channel_id, min(from_at) AS from_at, max(until_at) AS until_at, array_agg(id) AS ids
    FROM numbered
    GROUP BY channel_id, span
    HAVING count(*) > 1
), gone AS (
    DELETE FROM touched WHERE id IN (SELECT unnest(ids) FROM merged) RETURNING id
), added AS (
    INSERT INTO touched (channel_id, from_at, until_at)
    SELECT channel_id, from_at, until_at FROM merged ORDER BY channel_id, from_at
    RETURNING id
)
SELECT (SELECT count(*) FROM gone) - (SELECT count(*) FROM added)
