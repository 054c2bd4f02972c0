-- A pay-in or grant may have a day of its own on which it lapses, in place of the months of its bank; and
-- each part says after how many months the rest lapses, so that what it drew first can be told later.
ALTER TABLE ledger_entry
    ADD COLUMN expires date,
    ADD CONSTRAINT ledger_entry_expires CHECK (expires IS NULL OR bank IS NOT NULL AND expires > day);
ALTER TABLE bank_movement ADD COLUMN lapse_months integer CHECK (lapse_months >= 0);

CREATE OR REPLACE VIEW settled_movement AS
SELECT
    moved.part_id, moved.bank, moved.bill_id, moved.opened, moved.received, moved.earned,
    moved.applied, moved.refunded, moved.expired, moved.remaining, moved.lapse_months
FROM bank_movement AS moved
WHERE NOT EXISTS (SELECT FROM settled_version AS later WHERE later.part_id = moved.part_id)
UNION ALL
SELECT
    newest.part_id, moved.bank, newest.bill_id, moved.opened, moved.received, moved.earned,
    moved.applied, moved.refunded, moved.expired, moved.remaining, moved.lapse_months
FROM settled_version AS newest
CROSS JOIN LATERAL jsonb_to_recordset(newest.movements) AS moved (
    bank text, opened numeric, received numeric, earned numeric, applied numeric,
    refunded numeric, expired numeric, remaining numeric, lapse_months integer
)
WHERE NOT EXISTS (
    SELECT FROM settled_version AS later
    WHERE later.part_id = newest.part_id AND later.version > newest.version
);
