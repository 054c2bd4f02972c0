-- name: take
-- A row whose times are later than any that this release notes was written by a clock that was
-- ahead: it keeps nobody from its work.
WITH ours AS (
    INSERT INTO night_job (night, job, worker, due_at, attempts)
    VALUES (%(night)s, %(job)s, %(worker)s, %(until)s, 1)
    ON CONFLICT (night, job) DO UPDATE SET
        worker = excluded.worker, due_at = excluded.due_at, attempts = night_job.attempts + 1,
        done_at = NULL, error = NULL
    WHERE night_job.done_at > %(ahead)s OR night_job.done_at IS NULL AND (
        night_job.due_at <= %(at)s OR night_job.due_at > %(ahead)s
        OR night_job.worker = excluded.worker AND night_job.error IS NULL
    )
    RETURNING job
)
SELECT CASE
    WHEN EXISTS (SELECT FROM ours) THEN 'ours'
    WHEN done_at IS NOT NULL THEN 'done'
    WHEN error IS NOT NULL THEN 'put_off'
    ELSE 'others'
END
FROM (VALUES (%(night)s::date, %(job)s)) AS wanted (night, job)
LEFT JOIN night_job USING (night, job)

-- name: keep
UPDATE night_job SET due_at = %(until)s
WHERE night = %(night)s AND job = %(job)s AND worker = %(worker)s AND done_at IS NULL

-- name: end
UPDATE night_job SET done_at = %(at)s
WHERE night = %(night)s AND job = %(job)s AND worker = %(worker)s AND done_at IS NULL

-- name: forget
DELETE FROM night_job WHERE night < %(before)s

-- name: put_off
UPDATE night_job SET due_at = %(until)s, error = %(error)s
WHERE night = %(night)s AND job = %(job)s AND worker = %(worker)s AND done_at IS NULL
