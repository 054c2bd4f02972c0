-- Accounts whose issued bills were compared with their inputs, and what these were then: only what
-- changed since is asked for.
CREATE TABLE compared_account (
    account_id bigint PRIMARY KEY REFERENCES account,
    -- Hash over the parts of its issued bills, with the sum of the revisions of the inputs of each.
    revisions bigint NOT NULL,
    compared_at timestamptz NOT NULL
);

-- It says so of accounts without a candidate as well.
ALTER TABLE correction_candidate DROP COLUMN revisions;

-- Parts of issued bills that stand, with the revisions that they follow, those that their point,
-- account and tariff have, the days that they read, and since when they follow theirs.
CREATE VIEW issued_part AS
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
    ) AS since
FROM bill
JOIN stamped_part AS part ON part.bill_id = bill.id
    AND NOT EXISTS (SELECT FROM cancelled_part WHERE part_id = part.id)
JOIN agreement ON agreement.id = part.agreement_id
JOIN account ON account.id = bill.account_id
JOIN service_point ON service_point.id = agreement.service_point_id
JOIN tariff ON tariff.id = agreement.tariff_id
WHERE bill.state = 'issued' AND bill.cancels IS NULL;
