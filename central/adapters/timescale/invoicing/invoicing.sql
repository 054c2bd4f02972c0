-- name: hold
-- Two who write one down do it one after the other, also where there is none yet.
SELECT pg_advisory_xact_lock((7313::bigint << 44) + hashtext(%(kind)s::text || ' ' || %(name)s::text))

-- name: registered
SELECT CASE %(kind)s::text
    WHEN 'account' THEN EXISTS (SELECT FROM account WHERE number = %(name)s::text AND erased_at IS NULL)
    WHEN 'point' THEN EXISTS (SELECT FROM service_point WHERE name = %(name)s::text)
    ELSE true
END

-- name: terms
SELECT version, document, personal, recorded_by, recorded_at, reason FROM invoicing_terms
WHERE kind = %(kind)s::text AND name = %(name)s::text
ORDER BY version DESC LIMIT 1

-- name: add_terms
INSERT INTO invoicing_terms (
    kind, name, version, document, personal, reason, recorded_by, recorded_at
)
VALUES (
    %(kind)s, %(name)s, %(version)s, %(document)s, %(personal)s, %(reason)s, %(actor)s, %(at)s
)

-- name: named
-- Of each bill its account, and its points in its order.
SELECT
    bill.uid, account.number,
    ARRAY(
        SELECT supply.value ->> 'service_point'
        FROM jsonb_array_elements(bill.document -> 'supplies') WITH ORDINALITY AS supply (value, place)
        GROUP BY supply.value ->> 'service_point'
        ORDER BY min(supply.place)
    )
FROM bill
JOIN account ON account.id = bill.account_id
WHERE bill.uid = ANY(%(bills)s::uuid[])
ORDER BY bill.uid

-- name: of_accounts
SELECT DISTINCT ON (name) name, document, personal FROM invoicing_terms
WHERE kind = 'account' AND name = ANY(%(numbers)s::text[])
ORDER BY name, version DESC

-- name: of_points
SELECT service_point.name, service_point.address, said.document
FROM service_point
LEFT JOIN LATERAL (
    SELECT document FROM invoicing_terms
    WHERE kind = 'point' AND name = service_point.name
    ORDER BY version DESC LIMIT 1
) AS said ON true
WHERE service_point.name = ANY(%(names)s::text[])

-- name: deliver
-- The first copy, as the account's invoicing says now; where it says no channel there is none.
INSERT INTO invoice_delivery (
    bill_id, copy, channel, target, link, state, created_at, created_by, due_at, ended_at
)
SELECT
    bill.id, %(copy)s::integer, said.document ->> 'channel', coalesce(said.personal ->> 'email', ''),
    coalesce((said.document -> 'link')::boolean, false),
    CASE WHEN said.document ->> 'channel' = 'portal' THEN 'sent' ELSE 'waiting' END,
    %(at)s, %(actor)s,
    CASE WHEN said.document ->> 'channel' <> 'portal' THEN %(at)s::timestamptz END,
    CASE WHEN said.document ->> 'channel' = 'portal' THEN %(at)s::timestamptz END
FROM bill
JOIN account ON account.id = bill.account_id
JOIN LATERAL (
    SELECT document, personal FROM invoicing_terms
    WHERE kind = 'account' AND name = account.number
    ORDER BY version DESC LIMIT 1
) AS said ON said.document ? 'channel'
WHERE bill.uid = %(bill)s AND account.erased_at IS NULL
ON CONFLICT (bill_id, copy) DO NOTHING
RETURNING uid

-- name: next_copy
SELECT bill.id, count(invoice_delivery.id)::integer, bool_or(bill_document.bill_id IS NOT NULL)
FROM bill
LEFT JOIN invoice_delivery ON invoice_delivery.bill_id = bill.id
LEFT JOIN bill_document ON bill_document.bill_id = bill.id
WHERE bill.uid = %(bill)s
GROUP BY bill.id

-- name: waits
SELECT EXISTS (
    SELECT FROM invoice_delivery
    WHERE due_at <= %(at)s AND (state = 'sending' OR state = 'waiting' AND channel = 'email')
)

-- name: give_up
UPDATE invoice_delivery SET
    state = 'failed', due_at = NULL, ended_at = %(at)s,
    detail = 'Whoever sent it was stopped meanwhile: it may have arrived.'
WHERE state = 'sending' AND due_at <= %(at)s
RETURNING id

-- name: claim
UPDATE invoice_delivery SET state = 'sending', attempts = attempts + 1, due_at = %(until)s
FROM bill JOIN account ON account.id = bill.account_id
WHERE bill.id = invoice_delivery.bill_id AND invoice_delivery.id IN (
    SELECT id FROM invoice_delivery
    WHERE state = 'waiting' AND due_at <= %(at)s AND channel = %(channel)s
    ORDER BY due_at, id LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
RETURNING
    invoice_delivery.uid, bill.uid, bill.number, account.number, copy, channel, target, link,
    invoice_delivery.state, attempts, detail, invoice_delivery.created_at, due_at, ended_at

-- name: claim_print
UPDATE invoice_delivery SET state = 'sending', attempts = attempts + 1, due_at = %(until)s
FROM bill JOIN account ON account.id = bill.account_id
WHERE bill.id = invoice_delivery.bill_id AND invoice_delivery.id IN (
    SELECT waiting.id FROM invoice_delivery AS waiting
    JOIN bill AS printed ON printed.id = waiting.bill_id
    LEFT JOIN bill_run ON bill_run.id = printed.run_id
    WHERE waiting.state = 'waiting' AND waiting.due_at <= %(at)s AND waiting.channel = 'print'
        AND (%(run)s::uuid IS NULL OR bill_run.uid = %(run)s)
    ORDER BY printed.number, waiting.id LIMIT %(limit)s
    FOR UPDATE OF waiting SKIP LOCKED
)
RETURNING
    invoice_delivery.uid, bill.uid, bill.number, account.number, copy, channel, target, link,
    invoice_delivery.state, attempts, detail, invoice_delivery.created_at, due_at, ended_at

-- name: wait_again
UPDATE invoice_delivery SET state = 'waiting', due_at = %(at)s
WHERE uid = ANY(%(uids)s::uuid[]) AND state = 'sending'
RETURNING id

-- name: printed
UPDATE invoice_delivery SET
    state = 'sent', detail = %(detail)s, due_at = NULL, ended_at = %(at)s
WHERE uid = ANY(%(uids)s::uuid[]) AND state = 'sending'
RETURNING id

-- name: ended
UPDATE invoice_delivery SET
    state = %(state)s, detail = %(detail)s, due_at = %(due_at)s::timestamptz,
    ended_at = %(ended_at)s::timestamptz
WHERE uid = %(uid)s AND state = 'sending'
RETURNING id

-- name: bounced
UPDATE invoice_delivery SET state = 'bounced', detail = %(detail)s, ended_at = %(at)s
WHERE uid = %(uid)s AND state = 'sent' AND channel = 'email'
RETURNING id

-- name: deliveries
SELECT
    invoice_delivery.uid, bill.uid, bill.number, account.number, copy, channel, target, link,
    invoice_delivery.state, attempts, detail, invoice_delivery.created_at, due_at, ended_at
FROM invoice_delivery
JOIN bill ON bill.id = invoice_delivery.bill_id
JOIN account ON account.id = bill.account_id
WHERE
    (%(state)s::text IS NULL OR invoice_delivery.state = %(state)s)
    AND (%(bill)s::uuid IS NULL OR bill.uid = %(bill)s)
    AND (%(uid)s::uuid IS NULL OR invoice_delivery.uid = %(uid)s)
    AND (
        %(after)s::text = ''
        OR invoice_delivery.id < (
            SELECT shown.id FROM invoice_delivery AS shown WHERE shown.uid::text = %(after)s::text
        )
    )
ORDER BY invoice_delivery.id DESC
LIMIT %(limit)s
