-- name: of_issued
-- Of issued bills the days of document that their taxes had, or those of the document.
SELECT
    bill.id, coalesce(taxed.taxed_issue, bill.issued_on), coalesce(taxed.taxed_due, bill.due_on)
FROM bill
LEFT JOIN LATERAL (
    SELECT taxed_issue, taxed_due FROM bill_part
    WHERE bill_part.bill_id = bill.id AND taxed_issue IS NOT NULL
    LIMIT 1
) AS taxed ON true
WHERE bill.id = ANY(%(bills)s) AND bill.state = 'issued'

-- name: taxed
-- Bills that are not issued and take no other's place, of which the document says the rate of a tax; with
-- the first days of what may say another: versions of their tariffs, tables that these name, facts.
SELECT
    bill.id, bill.uid, bill.document -> 'supplies' -> 0 ->> 'zone', part.taxed_issue,
    part.taxed_due, tariff.name,
    ARRAY(
        SELECT tariff_version.effective FROM tariff_version
        WHERE tariff_version.tariff_id = tariff.id
        UNION
        SELECT lookup_table.since
        FROM jsonb_object_keys(part.series_revisions) AS named (name)
        JOIN series ON series.name = named.name
        JOIN lookup_table ON lookup_table.series_id = series.id
    ), agreement.facts
FROM bill
JOIN bill_part AS part ON part.bill_id = bill.id AND part.taxed_issue IS NOT NULL
JOIN agreement ON agreement.id = part.agreement_id
JOIN tariff ON tariff.id = agreement.tariff_id
    OR part.other_tariff_revisions ? tariff.name
WHERE (bill.id = ANY(%(bills)s::bigint[]) OR bill.uid = ANY(%(uids)s::uuid[]))
    AND bill.state IN ('draft', 'approved') AND bill.replaces IS NULL
ORDER BY bill.id, tariff.name

-- name: negative
-- Bills that are not issued and take no other's place, whose total is below zero with what they adjust and
-- was not released for what they say.
SELECT bill.id, bill.uid, bill.document -> 'supplies'
FROM bill
WHERE (bill.id = ANY(%(bills)s::bigint[]) OR bill.uid = ANY(%(uids)s::uuid[]))
    AND bill.state IN ('draft', 'approved') AND bill.replaces IS NULL AND bill.total < 0
    AND EXISTS (
        SELECT FROM adjustment_use
        WHERE adjustment_use.bill_id = bill.id
    )
    AND NOT EXISTS (
        SELECT FROM bill_hold_release AS released
        WHERE released.bill_id = bill.id AND released.code = 'NEGATIVE_TOTAL'
            AND released.content_sha256 = bill.sha256
    )
ORDER BY bill.id

-- name: late
-- Where there are limits, the parts of bills that are not issued and take no other's place, with the day
-- of issue by which they were rated, and whether days of them were billed by what is cancelled.
SELECT
    bill.id, bill.uid, bill.document -> 'supplies' -> 0 ->> 'zone', bill.account_id, part.first_day,
    part.end_day, part.taxed_issue,
    EXISTS (
        SELECT FROM bill_part AS earlier JOIN cancelled_part ON cancelled_part.part_id = earlier.id
        WHERE earlier.occupancy_id = part.occupancy_id AND earlier.settles = part.settles
            AND earlier.first_day < part.end_day AND earlier.end_day > part.first_day
    )
FROM bill
JOIN bill_part AS part ON part.bill_id = bill.id
WHERE (bill.id = ANY(%(bills)s::bigint[]) OR bill.uid = ANY(%(uids)s::uuid[]))
    AND bill.state IN ('draft', 'approved') AND bill.replaces IS NULL AND bill.cancels IS NULL
    AND EXISTS (SELECT FROM correction_limit)
ORDER BY bill.id, part.first_day
