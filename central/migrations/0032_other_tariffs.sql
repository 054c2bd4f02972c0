-- A part of a bill is also rated with tariffs that are not its agreement's: those of its occupancy
-- before and after it, and those of days of its account that are to be billed yet. It keeps their
-- revisions by name.
ALTER TABLE bill_part ADD COLUMN other_tariff_revisions jsonb NOT NULL DEFAULT '{}';

-- With which others an open bill was rated is not known where its account has any: it is compared.
UPDATE bill_part SET tariff_revision = NULL
FROM bill, agreement
WHERE bill.id = bill_part.bill_id AND bill.state IN ('draft', 'approved')
    AND agreement.id = bill_part.agreement_id
    AND EXISTS (
        SELECT FROM agreement AS other
        WHERE other.account_id = agreement.account_id AND other.tariff_id <> agreement.tariff_id
    );
