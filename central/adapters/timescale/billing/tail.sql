-- name: hold_account
-- Who approves a bill of the account, or corrects another, waits or is waited for.
SELECT id FROM account WHERE number = %(account)s FOR NO KEY UPDATE

-- name: issued
-- Its issued bills that stand, by time.
SELECT
    bill.id, bill.uid, bill.number, bill.cycle, bill.currency, bill.made_at, bill.end_day
FROM bill JOIN live_bill ON live_bill.id = bill.id
WHERE bill.account_id = %(account_id)s AND bill.state = 'issued'
ORDER BY bill.end_day, bill.first_day, bill.id

-- name: behind
SELECT bill.uid, %(account)s || '/' || bill.cycle, bill.state
FROM bill
WHERE bill.account_id = %(account_id)s AND bill.state IN ('draft', 'held', 'approved')
    AND bill.decision IS NULL
ORDER BY bill.end_day, bill.first_day, bill.id

-- name: parts
-- Parts of a bill as they are settled, those that stand or those that are cancelled; with the hashes of
-- their tariff's versions, by which lines of earlier releases are told.
SELECT
    part.id, part.occupancy_id, service_point.name, tariff.name, part.first_day, part.end_day,
    part.settles, part.version, part.closing, own.closing,
    lower(numbered.line_numbers), upper(numbered.line_numbers), numbered.line_numbers IS NOT NULL,
    newest.lines,
    ARRAY(SELECT encode(sha256, 'hex') FROM tariff_version WHERE tariff_id = tariff.id)
FROM settled_part AS part
JOIN bill_part AS numbered ON numbered.id = part.id
JOIN agreement ON agreement.id = part.agreement_id
JOIN service_point ON service_point.id = agreement.service_point_id
JOIN tariff ON tariff.id = agreement.tariff_id
LEFT JOIN settled_state AS own ON own.part_id = part.id
LEFT JOIN settled_version AS newest ON newest.part_id = part.id AND newest.version = part.version
WHERE part.bill_id = %(bill)s
    AND EXISTS (SELECT FROM cancelled_part WHERE part_id = part.id) = %(cancelled)s
ORDER BY part.id

-- name: lines
SELECT number, service_point, lineage FROM bill_line WHERE bill_id = %(bill)s ORDER BY number

-- name: waiting_correction
SELECT id FROM correction WHERE account_id = %(account_id)s AND state = 'decided'

-- name: hold_correction
SELECT id FROM correction
WHERE uid = %(uid)s AND account_id = %(account_id)s AND state = 'decided'
FOR UPDATE

-- name: add_correction
INSERT INTO correction (
    uid, account_id, way, from_bill_id, cause, reason, difference, difference_sha256, decided_by,
    decided_at, rule_id
) VALUES (
    %(uid)s, %(account_id)s, %(way)s, %(bill)s, %(cause)s, %(reason)s, %(difference)s, %(sha256)s,
    %(actor)s, %(at)s,
    (SELECT id FROM correction_rule WHERE name || '@' || version = %(rule)s)
)
RETURNING id

-- name: add_version
INSERT INTO settled_version (
    part_id, version, correction_id, bill_id, account_id, supply, lines, kwh, opening_sha256,
    closing_sha256, closing, own_opening_sha256, own_closing_sha256, own_closing, movements
) VALUES (
    %(part)s, %(version)s, %(correction)s, %(bill)s, %(account_id)s, %(supply)s, %(lines)s, %(kwh)s,
    %(opening_sha256)s, %(closing_sha256)s, %(closing)s, %(own_opening_sha256)s,
    %(own_closing_sha256)s, %(own_closing)s, %(movements)s
)

-- name: add_stamp
INSERT INTO settled_stamp (
    part_id, number, noted_at, correction_id, point_revision, account_revision, tariff_revision,
    settings_revision, series_revisions, days_read, other_tariff_revisions, holiday_revisions,
    not_metered, looks_back_days
)
SELECT
    %(part)s, 1 + coalesce(max(number), 0), %(at)s, %(correction)s, %(point)s, %(account)s,
    %(tariff)s, %(settings)s, %(series)s, %(days_read)s, %(others)s, %(holidays)s,
    %(not_metered)s, %(looks_back)s
FROM settled_stamp WHERE part_id = %(part)s

-- name: next_bill
-- Whether days of the account are to be billed yet, or a bill of it is there and not issued.
SELECT EXISTS (
    SELECT FROM occupancy
    WHERE occupancy.account_id = %(account_id)s
        AND (occupancy.ended_on IS NULL OR occupancy.ended_on > (
            SELECT max(end_day) FROM billed_period
            WHERE billed_period.occupancy_id = occupancy.id AND NOT billed_period.settles
        ))
        AND EXISTS (
            SELECT FROM agreement
            WHERE agreement.occupancy_id = occupancy.id AND agreement.withdrawn IS NULL
        )
) OR EXISTS (
    SELECT FROM bill
    WHERE account_id = %(account_id)s AND state IN ('draft', 'held', 'approved')
        AND decision IS NULL
)

-- name: contributors
SELECT actor, min(what) FROM correction_contributors(%(correction)s) GROUP BY actor

-- name: approve
UPDATE correction SET state = 'approved', approved_by = %(actor)s, approved_at = %(at)s
WHERE id = %(correction)s AND state = 'decided'
RETURNING uid, way

-- name: withdraw_behind
UPDATE bill SET state = 'draft', approver = NULL, approved_at = NULL
WHERE account_id = %(account_id)s AND state = 'approved' AND decision IS NULL
RETURNING uid
