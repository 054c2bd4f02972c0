-- name: parts
SELECT
    bill_part.id, service_point.name, service.name, tariff.name, bill_part.first_day,
    bill_part.end_day, bill_part.settles, coalesce(note.number, note.uid::text, ''),
    lower(bill_part.line_numbers), upper(bill_part.line_numbers)
FROM bill
JOIN bill_part ON bill_part.bill_id = bill.id
JOIN agreement ON agreement.id = bill_part.agreement_id
JOIN service ON service.id = agreement.service_id
JOIN service_point ON service_point.id = service.service_point_id
JOIN tariff ON tariff.id = agreement.tariff_id
LEFT JOIN credited_part ON credited_part.part_id = bill_part.id
LEFT JOIN bill AS note ON note.id = credited_part.bill_id
WHERE bill.uid = %(bill)s
ORDER BY bill_part.first_day, bill_part.id

-- name: chain
WITH asked AS (SELECT id, cancels, replaces FROM bill WHERE uid = %(bill)s)
SELECT chained.how, bill.uid, bill.number, bill.state
FROM (
    SELECT 'cancels' AS how, cancels AS id FROM asked WHERE cancels IS NOT NULL
    UNION ALL
    SELECT 'replaces', replaces FROM asked WHERE replaces IS NOT NULL
    UNION ALL
    SELECT 'cancelled by', note.id FROM asked JOIN bill AS note ON note.cancels = asked.id
    UNION ALL
    SELECT 'replaced by', anew.id FROM asked JOIN bill AS anew ON anew.replaces = asked.id
    UNION ALL
    SELECT 'billed anew as', anew.id FROM asked JOIN bill AS anew ON anew.replaces = asked.cancels
    UNION ALL
    SELECT 'after', note.id FROM asked JOIN bill AS note ON note.cancels = asked.replaces
) AS chained
JOIN bill ON bill.id = chained.id AND bill.state <> 'discarded'
ORDER BY bill.id

-- name: hold_originals
SELECT bill.id, bill.uid, bill.state, coalesce(bill.number, bill.uid::text), bill.cancels IS NOT NULL
FROM bill WHERE bill.uid = ANY(%(uids)s)
ORDER BY bill.account_id, bill.id
FOR NO KEY UPDATE

-- name: credited
SELECT bill.number FROM credited_part
JOIN bill_part ON bill_part.id = credited_part.part_id
JOIN bill ON bill.id = bill_part.bill_id
WHERE credited_part.part_id = ANY(%(parts)s)
LIMIT 1

-- name: carried
-- Lines of issued bills that adjust some parts, and that no credit note has, nor the draft of one.
SELECT adjustment.part_id, bill.uid, use.line
FROM adjustment
JOIN adjustment_use AS use ON use.adjustment_id = adjustment.id
JOIN bill ON bill.id = use.bill_id AND bill.state = 'issued' AND bill.cancels IS NULL
WHERE adjustment.part_id = ANY(%(parts)s) AND NOT EXISTS (
    SELECT FROM bill AS note JOIN bill_line ON bill_line.bill_id = note.id
    WHERE note.cancels = bill.id AND note.state <> 'discarded' AND bill_line.number = use.line
)
ORDER BY bill.id, use.line

-- name: credited_lines
SELECT bill_line.number
FROM bill
JOIN bill AS note ON note.cancels = bill.id AND note.state <> 'discarded'
JOIN bill_line ON bill_line.bill_id = note.id
WHERE bill.uid = %(bill)s

-- name: adjusted_since
-- What issued bills carry of the adjustments of what credit notes are about, and no note has that was
-- proposed with them.
SELECT adjusted.number, bill.number
FROM bill AS note
JOIN credited_part ON credited_part.bill_id = note.id
JOIN adjustment ON adjustment.part_id = credited_part.part_id
JOIN bill AS adjusted ON adjusted.id = adjustment.bill_id
JOIN adjustment_use AS use ON use.adjustment_id = adjustment.id
JOIN bill ON bill.id = use.bill_id AND bill.state = 'issued' AND bill.cancels IS NULL
WHERE note.uid = ANY(%(uids)s) AND NOT EXISTS (
    SELECT FROM bill AS mate JOIN bill_line ON bill_line.bill_id = mate.id
    WHERE mate.cancels = bill.id AND mate.decision = note.decision AND bill_line.number = use.line
)
ORDER BY 1, 2
LIMIT 1

-- name: add
INSERT INTO bill (
    uid, run_id, account_id, cycle, run_type, revision, state, first_day, end_day, currency, total,
    kwh, validated_kwh, sha256, document, creator, made_at, contributors, release, cancels, decision
)
SELECT
    %(uid)s, bill.run_id, bill.account_id, bill.cycle, bill.run_type, bill.revision, 'draft',
    %(first)s, %(end)s, bill.currency, %(total)s, coalesce(-%(kwh)s::numeric, -live_bill.kwh),
    coalesce(-%(kwh)s::numeric, -live_bill.validated_kwh), %(sha256)s, %(document)s,
    %(creator)s, %(at)s, ARRAY[%(creator)s::text], bill.release, bill.id, %(decision)s
FROM bill JOIN live_bill ON live_bill.id = bill.id
WHERE bill.uid = %(cancels)s
RETURNING id

-- name: add_parts
INSERT INTO credited_part (part_id, bill_id) SELECT unnest(%(parts)s::bigint[]), %(bill)s

-- name: open_parts
DELETE FROM credited_part USING bill
WHERE bill.id = credited_part.bill_id AND bill.uid = ANY(%(uids)s) AND bill.state = 'discarded'

-- name: together
-- Bills, and what they were proposed with and is not discarded.
SELECT uid FROM bill WHERE uid = ANY(%(uids)s)
UNION
SELECT other.uid
FROM bill JOIN bill AS other ON other.decision = bill.decision AND other.state <> 'discarded'
WHERE bill.uid = ANY(%(uids)s)

-- name: notes
-- The credit notes among some bills, with their accounts and what they cancel; the latest days first.
SELECT bill.uid, cancelled.uid, account.number
FROM bill
JOIN bill AS cancelled ON cancelled.id = bill.cancels
JOIN account ON account.id = bill.account_id
WHERE bill.uid = ANY(%(uids)s)
ORDER BY bill.account_id, bill.end_day DESC, bill.first_day DESC, bill.id

-- name: points
SELECT DISTINCT service_point.name
FROM bill
JOIN bill_part ON bill_part.bill_id = bill.id
JOIN agreement ON agreement.id = bill_part.agreement_id
JOIN service_point ON service_point.id = agreement.service_point_id
WHERE bill.uid = ANY(%(uids)s)

-- name: stay_behind
-- Issued parts that open from some that are to be cancelled, and are not among them.
SELECT account.number || '/' || bill.cycle, coalesce(bill.number, bill.uid::text)
FROM (
    SELECT later.part_id
    FROM bill_part
    JOIN billed_period AS later ON later.occupancy_id = bill_part.occupancy_id
        AND later.first_day = bill_part.end_day
    WHERE bill_part.id = ANY(%(parts)s)
    UNION
    -- In their account's order: what comes behind may have opened from what they replaced.
    SELECT behind.part_id
    FROM account_state JOIN account_state AS behind ON behind.account_id = account_state.account_id
        AND behind.place > account_state.place
    WHERE account_state.part_id = ANY(%(parts)s)
) AS opened
JOIN live_part ON live_part.id = opened.part_id AND live_part.state = 'issued'
JOIN bill ON bill.id = live_part.bill_id
JOIN account ON account.id = bill.account_id
WHERE opened.part_id <> ALL(%(parts)s)
ORDER BY bill.end_day DESC, bill.id DESC
LIMIT 1

-- name: suppressed_behind
-- Suppressed days that begin where some of these parts end.
SELECT suppressed.uid::text, suppressed.first_day
FROM bill_part
JOIN suppressed_period AS suppressed ON suppressed.occupancy_id = bill_part.occupancy_id
    AND suppressed.first_day = bill_part.end_day AND suppressed.lifted_at IS NULL
WHERE bill_part.id = ANY(%(parts)s)
LIMIT 1

-- name: open_behind
-- Bills that are not issued and hold days behind some parts, or open from them in their account's
-- order; as a run takes them.
WITH RECURSIVE behind AS (
    SELECT later.id
    FROM bill_part
    CROSS JOIN LATERAL (
        SELECT billed_period.part_id FROM billed_period
        WHERE billed_period.occupancy_id = bill_part.occupancy_id
            AND billed_period.first_day = bill_part.end_day
        UNION ALL
        SELECT opening.part_id
        FROM account_state JOIN account_state AS opening
            ON opening.account_id = account_state.account_id AND opening.place > account_state.place
        WHERE account_state.part_id = bill_part.id
    ) AS opened
    JOIN bill_part AS later_part ON later_part.id = opened.part_id
    JOIN bill AS later ON later.id = later_part.bill_id
        AND later.state IN ('draft', 'held', 'approved') AND later.decision IS NULL
    WHERE bill_part.id = ANY(%(parts)s)
    UNION
    SELECT later.id
    FROM behind
    JOIN bill_part ON bill_part.bill_id = behind.id
    CROSS JOIN LATERAL (
        SELECT billed_period.part_id FROM billed_period
        WHERE billed_period.occupancy_id = bill_part.occupancy_id
            AND billed_period.first_day = bill_part.end_day
        UNION ALL
        SELECT opening.part_id
        FROM account_state JOIN account_state AS opening
            ON opening.account_id = account_state.account_id AND opening.place > account_state.place
        WHERE account_state.part_id = bill_part.id
    ) AS opened
    JOIN bill_part AS later_part ON later_part.id = opened.part_id
    JOIN bill AS later ON later.id = later_part.bill_id
        AND later.state IN ('draft', 'held', 'approved') AND later.decision IS NULL
)
SELECT bill.uid, bill.state FROM bill
WHERE bill.id IN (SELECT id FROM behind) AND bill.uid <> ALL(%(uids)s)
ORDER BY bill.account_id, bill.id
FOR UPDATE

-- name: ending_parts
SELECT credited_part.part_id
FROM credited_part JOIN bill ON bill.id = credited_part.bill_id
WHERE bill.uid = ANY(%(uids)s) AND NOT EXISTS (
    SELECT FROM bill_part AS anew JOIN bill AS mate ON mate.id = anew.bill_id
    WHERE anew.replaces_part = credited_part.part_id AND mate.decision = bill.decision
)
ORDER BY 1

-- name: end_claims
DELETE FROM billed_period
USING bill_part
WHERE bill_part.id = ANY(%(parts)s) AND billed_period.occupancy_id = bill_part.occupancy_id
    AND billed_period.part_id = bill_part.id

-- name: credited_uses
-- The adjustments whose lines credit notes have; with the bill that takes the place of the one that
-- carried them, unless they are of what is cancelled.
SELECT adjustment.id, adjustment.amount, anew.id
FROM bill AS note
JOIN bill_line ON bill_line.bill_id = note.id
JOIN adjustment_use AS use ON use.bill_id = note.cancels AND use.line = bill_line.number
JOIN adjustment ON adjustment.id = use.adjustment_id
LEFT JOIN bill AS anew ON anew.replaces = note.cancels AND anew.decision = note.decision
    AND anew.state = 'issued'
    AND NOT EXISTS (SELECT FROM cancelled_part WHERE part_id = adjustment.part_id)
WHERE note.uid = ANY(%(uids)s)
ORDER BY anew.id, use.line

-- name: adjusting_lines
SELECT number, amount FROM bill_line
WHERE bill_id = %(bill)s AND lineage ? 'adjusts' ORDER BY number

-- name: carry_anew
INSERT INTO adjustment_use (adjustment_id, bill_id, line)
SELECT adjustment_id, %(bill)s, line
FROM unnest(%(adjustments)s::bigint[], %(lines)s::integer[]) AS carried (adjustment_id, line)

-- name: open_carriers
-- Bills that are not issued, and carry adjustments of what credit notes are about.
SELECT adjustment.id, bill.uid, bill.state
FROM bill AS note
JOIN credited_part ON credited_part.bill_id = note.id
JOIN adjustment ON adjustment.part_id = credited_part.part_id
JOIN adjustment_use AS use ON use.adjustment_id = adjustment.id
JOIN bill ON bill.id = use.bill_id AND bill.state IN ('draft', 'held', 'approved')
WHERE note.uid = ANY(%(uids)s)
ORDER BY bill.account_id, bill.id
FOR UPDATE OF bill

-- name: drop_uses
DELETE FROM adjustment_use WHERE adjustment_id = ANY(%(adjustments)s::bigint[])

-- name: close_adjustments
-- What was to be adjusted of what is cancelled, no bill will carry.
INSERT INTO adjustment_use (adjustment_id, bill_id)
SELECT adjustment.id, note.id
FROM bill AS note
JOIN credited_part ON credited_part.bill_id = note.id
JOIN adjustment ON adjustment.part_id = credited_part.part_id
WHERE note.uid = ANY(%(uids)s)
    AND NOT EXISTS (SELECT FROM adjustment_use WHERE adjustment_id = adjustment.id)

-- name: open_entries
DELETE FROM ledger_use WHERE part_id = ANY(%(parts)s)
