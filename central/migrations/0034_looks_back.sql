-- How many days before its own a part was rated with, since a baseline looks at them. NULL where
-- nobody knows: then the bill is compared.
ALTER TABLE bill_part ADD COLUMN looks_back_days integer CHECK (looks_back_days >= 0);
UPDATE bill_part SET point_revision = NULL
FROM bill, agreement
WHERE bill.id = bill_part.bill_id AND bill.state IN ('draft', 'approved')
    AND agreement.id = bill_part.agreement_id
    AND EXISTS (
        SELECT FROM tariff_version
        WHERE tariff_version.tariff_id = agreement.tariff_id AND document LIKE '%baseline%'
    );
