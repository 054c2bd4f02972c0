-- name: document
SELECT
    bill.uid, bill_document.kind, bill_document.media_type, bill_document.template_sha256,
    bill_document.content_sha256, bill_document.sha256, bill_document.content,
    bill_document.rendered_at, receipt.rule_id, receipt.deleted_at
FROM bill_document
JOIN bill ON bill.id = bill_document.bill_id
LEFT JOIN retention_receipt AS receipt ON receipt.id = bill_document.receipt_id
WHERE bill.uid = %(bill)s

-- name: template
SELECT name, content FROM document_template WHERE sha256 = %(sha256)s

-- name: add_template
INSERT INTO document_template (sha256, name, content)
VALUES (%(sha256)s, %(name)s, %(content)s)
ON CONFLICT (sha256) DO NOTHING

-- name: add
INSERT INTO bill_document (
    bill_id, kind, media_type, template_sha256, content_sha256, sha256, content, rendered_at
)
SELECT
    id, %(kind)s, %(media_type)s, %(template_sha256)s, %(content_sha256)s, %(sha256)s,
    %(content)s, %(rendered_at)s
FROM bill WHERE uid = %(bill)s
ON CONFLICT (bill_id, kind) DO NOTHING

-- name: end_job
DELETE FROM document_job WHERE bill_id = (SELECT id FROM bill WHERE uid = %(bill)s)

-- name: add_jobs
INSERT INTO document_job (bill_id, due_at)
SELECT id, %(at)s FROM bill WHERE uid = ANY(%(bills)s)

-- name: take
-- What was tried and says nothing of it was interrupted.
WITH due AS (
    SELECT bill_id FROM document_job
    WHERE due_at <= %(at)s AND attempts < %(attempts_max)s
    ORDER BY due_at, bill_id LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
), taken AS (
    UPDATE document_job SET
        attempts = attempts + 1, due_at = %(until)s,
        code = CASE WHEN attempts > 0 THEN coalesce(code, 'DOCUMENT_INTERRUPTED') END,
        message = CASE
            WHEN attempts > 0 THEN coalesce(message, 'Whoever rendered the document was stopped.')
        END,
        failed_at = CASE WHEN attempts > 0 THEN coalesce(failed_at, %(at)s) END
    WHERE bill_id IN (SELECT bill_id FROM due)
    RETURNING *
)
SELECT bill.uid, account.number, taken.attempts, taken.due_at, taken.code, taken.message
FROM taken
JOIN bill ON bill.id = taken.bill_id
JOIN account ON account.id = bill.account_id
ORDER BY bill.id

-- name: due
SELECT EXISTS (
    SELECT FROM document_job WHERE due_at <= %(at)s AND attempts < %(attempts_max)s
)

-- name: fail
UPDATE document_job SET
    due_at = %(due_at)s, code = %(code)s, message = %(message)s, failed_at = %(at)s
WHERE bill_id = (SELECT id FROM bill WHERE uid = %(bill)s)

-- name: waiting
SELECT
    bill.uid, account.number, document_job.attempts, document_job.due_at, document_job.code,
    document_job.message
FROM document_job
JOIN bill ON bill.id = document_job.bill_id
JOIN account ON account.id = bill.account_id
ORDER BY bill.id
LIMIT %(limit)s

-- name: tariffs
SELECT DISTINCT ON (sha256) sha256, document
FROM tariff_version WHERE sha256 = ANY(%(hashes)s::bytea[])
ORDER BY sha256, id

-- name: compared
-- What was issued before, and was not cancelled by then; the latest days first.
SELECT other.uid, min(bill_part.first_day), max(bill_part.end_day)
FROM bill AS mine
JOIN bill AS other ON other.account_id = mine.account_id
JOIN bill_part ON bill_part.bill_id = other.id
WHERE
    mine.uid = %(bill)s AND other.id <> mine.id AND other.state = 'issued'
    AND other.cancels IS NULL AND other.currency = mine.currency
    AND (other.issued_at, other.id) < (mine.issued_at, mine.id)
    AND NOT EXISTS (
        SELECT FROM bill AS note
        WHERE note.cancels = other.id AND note.state = 'issued'
            AND (note.issued_at, note.id) < (mine.issued_at, mine.id)
    )
GROUP BY other.id, other.uid
ORDER BY max(bill_part.end_day) DESC, other.id DESC
LIMIT %(limit)s
