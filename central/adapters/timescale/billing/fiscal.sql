-- name: setting
SELECT mode, software FROM fiscal_setting ORDER BY id DESC LIMIT 1

-- name: add_setting
INSERT INTO fiscal_setting (mode, software, reason, recorded_by, recorded_at)
VALUES (
    %(mode)s::text, %(software)s::jsonb, %(reason)s::text, %(actor)s::text, %(at)s::timestamptz
)

-- name: open_chain
INSERT INTO fiscal_chain (issuer) VALUES (%(issuer)s::text) ON CONFLICT (issuer) DO NOTHING

-- name: lock_chain
SELECT ordinal FROM fiscal_chain WHERE issuer = %(issuer)s::text FOR UPDATE

-- name: record
SELECT number, issued_on, sha256 FROM fiscal_record
WHERE issuer = %(issuer)s::text AND ordinal = %(ordinal)s::bigint

-- name: add
INSERT INTO fiscal_record (
    issuer, ordinal, kind, bill_id, number, issued_on, invoice_type, tax, total, previous, sha256,
    stamped, content, recorded_at
)
VALUES (
    %(issuer)s::text, %(ordinal)s::bigint, %(kind)s::text, %(bill)s::bigint, %(number)s::text,
    %(issued)s::date, %(invoice_type)s::text, %(tax)s::numeric, %(total)s::numeric,
    %(previous)s::text, %(sha256)s::text, %(stamped)s::text, %(content)s::text,
    %(at)s::timestamptz
)

-- name: move
UPDATE fiscal_chain SET ordinal = %(ordinal)s::bigint WHERE issuer = %(issuer)s::text

-- name: issuers
SELECT issuer FROM fiscal_chain ORDER BY issuer

-- name: chain
SELECT
    ordinal, kind, issuer, number, issued_on, invoice_type, tax, total, previous, stamped, sha256,
    content
FROM fiscal_record WHERE issuer = %(issuer)s::text AND ordinal > %(after)s::bigint
ORDER BY ordinal LIMIT %(limit)s::bigint

-- name: of_number
SELECT
    ordinal, kind, issuer, number, issued_on, invoice_type, tax, total, previous, stamped, sha256,
    content
FROM fiscal_record WHERE number = %(number)s::text
ORDER BY issuer, ordinal

-- name: bill_of
SELECT bill_id FROM fiscal_record
WHERE issuer = %(issuer)s::text AND number = %(number)s::text AND kind = 'registration'

-- name: unregistered
-- What was issued since the register is written and has no record: there is none.
SELECT bill.number FROM bill
WHERE bill.state = 'issued' AND bill.issued_at >= (
    SELECT recorded_at FROM fiscal_setting ORDER BY id DESC LIMIT 1
) AND (SELECT mode FROM fiscal_setting ORDER BY id DESC LIMIT 1) <> 'none'
AND NOT EXISTS (
    SELECT FROM fiscal_record
    WHERE fiscal_record.bill_id = bill.id AND fiscal_record.kind = 'registration'
)
ORDER BY bill.issued_at, bill.number LIMIT %(limit)s::bigint
