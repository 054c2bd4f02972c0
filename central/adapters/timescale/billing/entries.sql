-- name: open
-- Pay-ins, grants, charges and credits that these parts have consumed, or, where others are wanted, no bill has; less
-- what was taken back.
SELECT
    entry.account_id, entry.id, coalesce(entry.bank, ''), entry.day, entry.currency,
    entry.amount - coalesce((SELECT sum(amount) FROM ledger_entry WHERE of_id = entry.id), 0),
    coalesce(service_point.name, ''), entry.kind, entry.key, coalesce(entry.title, ''), entry.taxes,
    entry.expires
FROM ledger_entry AS entry
LEFT JOIN service_point ON service_point.id = entry.service_point_id
LEFT JOIN ledger_use ON ledger_use.entry_id = entry.id
WHERE entry.account_id = ANY(%(accounts)s) AND (entry.bank IS NOT NULL OR entry.title IS NOT NULL)
    AND (ledger_use.entry_id IS NULL AND %(others)s OR ledger_use.part_id = ANY(%(parts)s))
ORDER BY entry.account_id, entry.day, entry.id

-- name: drop_uses
DELETE FROM ledger_use
WHERE part_id = ANY(%(parts)s::bigint[]) AND entry_id <> ALL(%(entries)s::bigint[])

-- name: drop_movements
DELETE FROM bank_movement WHERE part_id = ANY(%(parts)s::bigint[])

-- name: use
INSERT INTO ledger_use (entry_id, bill_id, part_id)
SELECT entry_id, bill_id, part_id
FROM unnest(%(entries)s::bigint[], %(bills)s::bigint[], %(parts)s::bigint[])
    AS wanted (entry_id, bill_id, part_id)
WHERE NOT EXISTS (
    SELECT FROM ledger_use
    WHERE ledger_use.entry_id = wanted.entry_id AND ledger_use.part_id = wanted.part_id
)

-- name: add_movements
COPY bank_movement (
    part_id, bank, bill_id, opened, received, earned, applied, refunded, expired, remaining, lapse_months
) FROM STDIN
