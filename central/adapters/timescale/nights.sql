-- name: take
-- A row whose times are later than any that this release notes was written by a clock that was
-- ahead: it keeps nobody from its work.
WITH ours AS (
    INSERT INTO night_job (night, job, worker, due_at, attempts, began_at)
    VALUES (%(night)s, %(job)s, %(worker)s, %(until)s, 1, %(at)s)
    ON CONFLICT (night, job) DO UPDATE SET
        worker = excluded.worker, due_at = excluded.due_at, began_at = excluded.began_at,
        attempts = CASE
            WHEN night_job.gave_up_at IS NOT NULL THEN 1
            WHEN night_job.worker = excluded.worker AND night_job.error IS NULL
                AND night_job.done_at IS NULL THEN night_job.attempts
            ELSE night_job.attempts + 1
        END,
        done_at = NULL, gave_up_at = NULL, error = NULL, outcome = NULL
    WHERE night_job.done_at > %(ahead)s OR night_job.gave_up_at > %(ahead)s
        OR night_job.done_at IS NULL AND night_job.gave_up_at IS NULL AND (
            night_job.worker = excluded.worker AND night_job.error IS NULL
            OR (night_job.due_at <= %(at)s AND night_job.attempts < %(tries)s)
            OR night_job.due_at > %(ahead)s
        )
    RETURNING job
)
SELECT CASE
    WHEN EXISTS (SELECT FROM ours) THEN 'ours'
    WHEN done_at IS NOT NULL THEN 'done'
    WHEN gave_up_at IS NOT NULL THEN 'gave_up'
    WHEN due_at <= %(at)s THEN 'spent'
    WHEN error IS NOT NULL THEN 'put_off'
    ELSE 'others'
END
FROM (VALUES (%(night)s::date, %(job)s)) AS wanted (night, job)
LEFT JOIN night_job USING (night, job)

-- name: keep
UPDATE night_job SET due_at = %(until)s
WHERE night = %(night)s AND job = %(job)s AND worker = %(worker)s
    AND done_at IS NULL AND gave_up_at IS NULL AND error IS NULL

-- name: end
UPDATE night_job SET done_at = %(at)s, outcome = nullif(%(outcome)s, '')
WHERE night = %(night)s AND job = %(job)s AND worker = %(worker)s
    AND done_at IS NULL AND gave_up_at IS NULL AND error IS NULL

-- name: forget
DELETE FROM night_job WHERE night < %(before)s

-- name: put_off
UPDATE night_job SET due_at = %(until)s, error = %(error)s
WHERE night = %(night)s AND job = %(job)s AND worker = %(worker)s
    AND done_at IS NULL AND gave_up_at IS NULL AND error IS NULL

-- name: give_up
UPDATE night_job SET
    gave_up_at = %(at)s,
    error = coalesce(%(error)s, error, 'Whoever did it was stopped each time.')
WHERE night = %(night)s AND job = %(job)s AND done_at IS NULL AND gave_up_at IS NULL
    AND attempts >= %(tries)s AND (worker = %(worker)s AND error IS NULL OR due_at <= %(at)s)

-- name: again
DELETE FROM night_job
WHERE night = %(night)s AND job = %(job)s
    AND (done_at IS NOT NULL OR gave_up_at IS NOT NULL OR error IS NOT NULL)

-- name: notes
SELECT night, job, worker, due_at, attempts, began_at, done_at, gave_up_at, outcome, error
FROM night_job WHERE night >= %(since)s
ORDER BY night DESC, job
