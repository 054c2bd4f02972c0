-- name: ask
INSERT INTO bill_question (uid, bill_id, line, kind, question, asked_by, asked_at)
SELECT
    %(uid)s::uuid, bill.id, %(line)s::integer, %(kind)s::text, %(text)s::text, %(actor)s::text,
    %(at)s::timestamptz
FROM bill
WHERE bill.uid = %(bill)s::uuid AND bill.state = 'issued' AND (
    SELECT count(*) FROM bill_question
    WHERE bill_question.bill_id = bill.id AND answered_at IS NULL
) < %(most)s::integer
RETURNING (SELECT number FROM bill WHERE bill.id = bill_question.bill_id), line, kind

-- name: answer
UPDATE bill_question
SET answer = %(text)s::text, answered_by = %(actor)s::text, answered_at = %(at)s::timestamptz
WHERE uid = %(question)s::uuid AND answered_at IS NULL AND question IS NOT NULL
RETURNING (SELECT number FROM bill WHERE bill.id = bill_question.bill_id), line, kind

-- name: questions
SELECT
    bill_question.id, bill_question.uid, bill.uid, bill.number, account.number, bill_question.line,
    bill_question.kind, question, asked_by, asked_at, answer, answered_by, answered_at
FROM bill_question
JOIN bill ON bill.id = bill_question.bill_id
JOIN account ON account.id = bill.account_id
WHERE (NOT %(waiting)s::boolean OR (answered_at IS NULL AND question IS NOT NULL))
    AND (%(question)s::uuid IS NULL OR bill_question.uid = %(question)s)
    AND (%(bill)s::uuid IS NULL OR bill.uid = %(bill)s)
    AND (%(account)s::text IS NULL OR account.number = %(account)s)
    AND (%(after)s::bigint IS NULL OR bill_question.id > %(after)s)
ORDER BY bill_question.id
LIMIT %(limit)s::integer
