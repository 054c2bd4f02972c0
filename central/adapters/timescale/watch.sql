-- name: state
SELECT
    seen.gateways, seen.silent, unclosed.channels, unclosed.day, unclosed.as_of,
    (SELECT count(*) FROM touched),
    runs.open, runs.shards, runs.moved_at,
    documents.waiting, documents.failed,
    unsealed.waiting, unsealed.oldest,
    queue.waiting, queue.doing,
    (SELECT count(*) FROM night_job WHERE gave_up_at IS NOT NULL AND night >= %(nights_from)s),
    (
        SELECT at FROM audit_log WHERE subject = 'database' AND action = 'backup.take'
        ORDER BY id DESC LIMIT 1
    ),
    certificates.ending, certificates.ended
FROM (
    SELECT
        count(*) AS gateways,
        count(*) FILTER (WHERE last_seen_at IS NULL OR last_seen_at < %(silent)s) AS silent
    FROM gateway_seen WHERE revoked_at IS NULL
) AS seen
CROSS JOIN (
    SELECT
        count(*) AS open, coalesce(sum(shards.open), 0) AS shards,
        min(greatest(shards.done_at, bill_run.started_at)) AS moved_at
    FROM bill_run
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE done_at IS NULL) AS open, max(done_at) AS done_at
        FROM bill_shard WHERE run_id = bill_run.id
    ) AS shards
    WHERE bill_run.finished_at IS NULL
) AS runs
CROSS JOIN (
    SELECT count(*) AS waiting, count(failed_at) AS failed FROM document_job
) AS documents
-- The newest certificate of each gateway; it is renewed when two thirds of its time are over.
CROSS JOIN (
    SELECT
        count(*) FILTER (
            WHERE not_after > %(now)s
                AND not_after - %(now)s < (not_after - issued_at) / 6
        ) AS ending,
        count(*) FILTER (WHERE not_after <= %(now)s) AS ended
    FROM (
        SELECT DISTINCT ON (gateway_certificate.gateway_id)
            gateway_certificate.not_after, gateway_certificate.issued_at
        FROM gateway_certificate
        JOIN gateway ON gateway.id = gateway_certificate.gateway_id
        WHERE gateway.revoked_at IS NULL AND gateway_certificate.revoked_at IS NULL
        ORDER BY gateway_certificate.gateway_id, gateway_certificate.not_after DESC
    ) AS newest
) AS certificates
CROSS JOIN (
    SELECT count(*) AS waiting, min(audit_log.at) AS oldest
    FROM audit_unsealed JOIN audit_log ON audit_log.id = audit_unsealed.audit_id
) AS unsealed
CROSS JOIN (
    SELECT
        count(*) FILTER (WHERE status = 'todo') AS waiting,
        count(*) FILTER (WHERE status = 'doing') AS doing
    FROM meterline_jobs.procrastinate_jobs
) AS queue
LEFT JOIN unclosed_days AS unclosed ON true

-- name: exceptions
SELECT severity, raised_at <= %(day)s, raised_at <= %(week)s, count(*)
FROM exception GROUP BY 1, 2, 3

-- name: drafts
-- Run by run, along an index: among millions of bills few are drafts.
SELECT draft.made_at <= %(day)s, draft.made_at <= %(week)s, count(*)
FROM bill_run
CROSS JOIN LATERAL (
    SELECT made_at FROM bill WHERE run_id = bill_run.id AND state = 'draft' OFFSET 0
) AS draft
GROUP BY 1, 2
