-- name: tariffs_of
SELECT DISTINCT tariff_in_force.document
FROM agreement
JOIN account ON account.id = agreement.account_id
JOIN service_point ON service_point.id = agreement.service_point_id
JOIN tariff_in_force ON tariff_in_force.tariff_id = agreement.tariff_id
WHERE account.number = %(account)s AND (%(point)s = '' OR service_point.name = %(point)s)

-- name: account
SELECT id FROM account WHERE number = %(account)s

-- name: hold_account
-- What is posted to one account is posted one after the other.
SELECT id FROM account WHERE number = %(account)s FOR NO KEY UPDATE

-- name: point
SELECT id FROM service_point WHERE name = %(point)s

-- name: bill
SELECT
    id, account_id, 
    CASE
        WHEN EXISTS (SELECT FROM live_bill WHERE live_bill.id = bill.id) THEN state
        ELSE 'cancelled'
    END,
    currency
FROM bill WHERE uid = %(bill)s AND cancels IS NULL
-- It stays what it is until the payment names it.
FOR SHARE

-- name: entries
SELECT
    entry.id, entry.key, account.number, entry.kind, entry.day, entry.currency, entry.amount,
    coalesce(entry.bank, ''), coalesce(service_point.name, ''),
    CASE WHEN entry.kind = 'payment' THEN coalesce(bill.uid::text, '') ELSE '' END,
    coalesce(other.key, ''), coalesce(entry.title, ''), entry.taxes, entry.expires,
    CASE WHEN entry.of_id IS NULL THEN entry.amount - coalesce(
        (SELECT sum(amount) FROM ledger_entry AS less WHERE less.of_id = entry.id), 0
    ) ELSE 0 END,
    -- The payment of a cancelled bill is open; what it named, it names still.
    CASE WHEN live.live THEN bill.uid::text ELSE '' END, CASE WHEN live.live THEN bill.state ELSE '' END,
    entry.recorded_at, entry.actor, entry.reason
FROM ledger_entry AS entry
JOIN account ON account.id = entry.account_id
LEFT JOIN service_point ON service_point.id = entry.service_point_id
LEFT JOIN ledger_entry AS other ON other.id = entry.of_id
LEFT JOIN ledger_use ON ledger_use.entry_id = entry.id
LEFT JOIN bill ON bill.id = ledger_use.bill_id
CROSS JOIN LATERAL (
    SELECT EXISTS (SELECT FROM live_bill WHERE live_bill.id = bill.id) AS live
) AS live
WHERE entry.id > %(after)s
    AND (%(key)s::text IS NULL OR entry.key = %(key)s)
    AND (%(account)s::text IS NULL OR account.number = %(account)s)
ORDER BY entry.id LIMIT %(limit)s

-- name: add
INSERT INTO ledger_entry (
    key, account_id, kind, day, currency, amount, bank, service_point_id, of_id, recorded_at,
    actor, reason, title, taxes, expires
) VALUES (
    %(key)s, %(account)s, %(kind)s, %(day)s, %(currency)s, %(amount)s, nullif(%(bank)s, ''),
    %(point)s, %(of)s, %(at)s, %(actor)s, %(reason)s, nullif(%(title)s, ''), %(taxes)s, %(expires)s
)
ON CONFLICT (key) DO NOTHING
RETURNING id

-- name: pay
INSERT INTO ledger_use (entry_id, bill_id) VALUES (%(entry)s, %(bill)s)
