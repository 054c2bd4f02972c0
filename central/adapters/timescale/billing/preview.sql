-- name: unissued
SELECT uid FROM bill
WHERE account_id = ANY(%(accounts)s) AND state IN ('draft', 'held', 'approved') AND decision IS NULL
ORDER BY id

-- name: add_run
-- Undone with all that is saved in its name; no other run has its scope.
INSERT INTO bill_run (uid, cycle, run_type, scope, creator, started_at)
VALUES (%(uid)s::uuid, %(cycle)s, 'regular', jsonb_build_object('preview', %(uid)s::uuid::text), 'job:preview', %(at)s)
RETURNING id
