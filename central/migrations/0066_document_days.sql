-- When a bill was to be issued and due when it was rated, of parts that have a tax whose rate that says:
-- so a bill that is issued later, under another rate, is rated again. NULL of all others.
ALTER TABLE bill_part
ADD COLUMN taxed_issue date,
ADD COLUMN taxed_due date,
ADD CHECK ((taxed_issue IS NULL) = (taxed_due IS NULL));

UPDATE knowledge_rule SET watched = watched || '{taxed_issue,taxed_due}' WHERE relation = 'bill_part';

-- As before, with until when versions of its tariff, or tables, say the rate of a tax.
CREATE OR REPLACE VIEW issued_part AS
SELECT
    part.id, part.bill_id, bill.account_id, account.number AS account,
    agreement.service_point_id, service_point.name AS service_point, agreement.tariff_id,
    part.first_day - coalesce(part.looks_back_days, 0) - 1 AS read_from, part.end_day,
    part.point_revision, part.account_revision, part.tariff_revision, part.series_revisions,
    part.other_tariff_revisions, part.holiday_revisions,
    service_point.input_revision AS point_now, account.input_revision AS account_now,
    tariff.input_revision AS tariff_now,
    greatest(
        bill.made_at,
        (SELECT max(noted_at) FROM settled_stamp WHERE settled_stamp.part_id = part.id)
    ) AS since,
    greatest(
        part.end_day, (SELECT taxed_due FROM bill_part WHERE bill_part.id = part.id)
    ) AS taxed_until
FROM bill
JOIN stamped_part AS part ON part.bill_id = bill.id
    AND NOT EXISTS (SELECT FROM cancelled_part WHERE part_id = part.id)
JOIN agreement ON agreement.id = part.agreement_id
JOIN account ON account.id = bill.account_id
JOIN service_point ON service_point.id = agreement.service_point_id
JOIN tariff ON tariff.id = agreement.tariff_id
WHERE bill.state = 'issued' AND bill.cancels IS NULL;
