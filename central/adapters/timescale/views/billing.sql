-- name: accounts
SELECT
    account.uid, account.number, account.name,
    (SELECT count(*) FROM agreement
        WHERE agreement.account_id = account.id AND agreement.during @> %(today)s::date)
FROM account
WHERE account.number LIKE %(prefix)s
    AND (%(number)s::text IS NULL OR account.number = %(number)s)
    AND (%(id)s::uuid IS NULL OR account.uid = %(id)s)
    -- As an array, so that the index of numbers finds them and nothing else is read.
    AND (%(since)s::timestamptz IS NULL OR account.number = ANY(ARRAY(
        SELECT subject FROM registry_revision WHERE kind = 'account' AND recorded_at >= %(since)s
    )))
    AND (%(after)s::text IS NULL OR account.number > %(after)s)
ORDER BY account.number
LIMIT %(limit)s

-- name: agreements
SELECT
    agreement.id, agreement.uid, account.uid, account.name, service_point.uid, service_point.name, tariff.name,
    lower(coalesce(withdrawn, during)), upper(coalesce(withdrawn, during)), withdrawn IS NOT NULL,
    service.name
FROM agreement
JOIN account ON account.id = agreement.account_id
JOIN service_point ON service_point.id = agreement.service_point_id
JOIN service ON service.id = agreement.service_id
JOIN tariff ON tariff.id = agreement.tariff_id
WHERE account.uid = %(account)s
    AND (%(since)s::timestamptz IS NULL OR EXISTS (
        SELECT FROM registry_revision
        WHERE kind = 'agreement' AND recorded_at >= %(since)s
            AND subject = account.number || ' at ' || service_point.name || ' from '
                || to_char(lower(coalesce(withdrawn, during)), 'YYYY-MM-DD')
    ))
    AND (
        %(after_id)s::bigint IS NULL
        OR (lower(coalesce(withdrawn, during)), agreement.id) < (%(after_day)s::date, %(after_id)s)
    )
ORDER BY lower(coalesce(withdrawn, during)) DESC, agreement.id DESC
LIMIT %(limit)s

-- name: agreement
-- By its identifier, or by its key; of several taken back, the newest.
SELECT
    agreement.id, agreement.uid, account.uid, account.name, service_point.uid, service_point.name, tariff.name,
    lower(coalesce(withdrawn, during)), upper(coalesce(withdrawn, during)), withdrawn IS NOT NULL,
    service.name
FROM agreement
JOIN account ON account.id = agreement.account_id
JOIN service_point ON service_point.id = agreement.service_point_id
JOIN service ON service.id = agreement.service_id
JOIN tariff ON tariff.id = agreement.tariff_id
WHERE (%(id)s::uuid IS NULL OR agreement.uid = %(id)s)
    AND (%(point)s::text IS NULL OR service_point.name = %(point)s)
    AND (%(account)s::text IS NULL OR account.number = %(account)s)
    AND (%(service)s::text IS NULL OR service.name = %(service)s)
    AND (%(tariff)s::text IS NULL OR tariff.name = %(tariff)s)
    AND (%(first)s::date IS NULL OR lower(coalesce(withdrawn, during)) = %(first)s)
ORDER BY withdrawn IS NOT NULL, agreement.id DESC
LIMIT 1

-- name: tariffs
SELECT
    tariff.name, tariff_version.effective, tariff_version.sha256, tariff_version.currency,
    tariff_version.added_at, revision, withdrawn, reason
FROM tariff_version
JOIN tariff ON tariff.id = tariff_version.tariff_id
WHERE (%(since)s::timestamptz IS NULL OR tariff_version.added_at >= %(since)s)
    AND (
        %(after_name)s::text IS NULL
        OR (tariff.name, tariff_version.effective, revision)
        > (%(after_name)s, %(after_effective)s::date, %(after_revision)s)
    )
ORDER BY tariff.name, tariff_version.effective, revision
LIMIT %(limit)s

-- name: tariff_version
SELECT
    tariff.name, tariff_version.effective, tariff_version.sha256, tariff_version.currency,
    tariff_version.added_at, revision, withdrawn, reason
FROM tariff_version
JOIN tariff ON tariff.id = tariff_version.tariff_id
WHERE tariff.name = %(name)s AND tariff_version.effective = %(effective)s
ORDER BY revision DESC
LIMIT 1

-- name: tariff_uses
-- Of each date the newest revision holds; all agreements of today are counted at once.
SELECT
    tariff.name, versions.in_force, versions.next_from, versions.versions, versions.currency,
    versions.changed_at, coalesce(used.agreements, 0), coalesce(used.accounts, 0)
FROM tariff
CROSS JOIN LATERAL (
    SELECT
        max(effective) FILTER (WHERE effective <= %(today)s::date) AS in_force,
        min(effective) FILTER (WHERE effective > %(today)s::date) AS next_from,
        count(*) AS versions, max(currency) AS currency, max(added_at) AS changed_at
    FROM (
        SELECT DISTINCT ON (effective) effective, withdrawn, currency, added_at
        FROM tariff_version WHERE tariff_id = tariff.id
        ORDER BY effective, revision DESC
    ) AS newest
    WHERE NOT withdrawn
) AS versions
LEFT JOIN (
    SELECT tariff_id, count(*) AS agreements, count(DISTINCT account_id) AS accounts
    FROM agreement WHERE withdrawn IS NULL AND during @> %(today)s::date
    GROUP BY tariff_id
) AS used ON used.tariff_id = tariff.id
WHERE tariff.name LIKE %(prefix)s
    AND (%(name)s::text IS NULL OR tariff.name = %(name)s)
    AND (%(after)s::text IS NULL OR tariff.name > %(after)s)
ORDER BY tariff.name
LIMIT %(limit)s

-- name: runs
SELECT id, uid, cycle, run_type, scope, started_at, finished_at
FROM bill_run
WHERE (%(id)s::uuid IS NULL OR uid = %(id)s) AND (%(after)s::bigint IS NULL OR id < %(after)s)
ORDER BY id DESC
LIMIT %(limit)s

-- name: run_sums
SELECT run_id, state, currency, sum(bills), sum(total)
FROM bill_tally
WHERE run_id = ANY(%(runs)s) AND state <> 'discarded'
GROUP BY run_id, state, currency
HAVING sum(bills) > 0
ORDER BY run_id, currency

-- name: run_progress
SELECT
    bill_run.id,
    coalesce(sum(cardinality(accounts)), 0),
    coalesce(sum(cardinality(accounts)) FILTER (WHERE done_at IS NOT NULL), 0),
    ARRAY(
        SELECT actor FROM bill_run_starter WHERE run_id = bill_run.id ORDER BY first_at, actor
    )
FROM bill_run LEFT JOIN bill_shard ON bill_shard.run_id = bill_run.id
WHERE bill_run.uid = %(run)s
GROUP BY bill_run.id

-- name: largest_changes
SELECT bill.uid
FROM bill
CROSS JOIN LATERAL (
    SELECT earlier.total FROM bill AS earlier
    WHERE earlier.account_id = bill.account_id AND earlier.state = 'issued'
        AND earlier.cancels IS NULL AND earlier.currency = bill.currency
        AND earlier.total IS NOT NULL AND earlier.end_day <= bill.first_day
        AND EXISTS (SELECT FROM live_bill WHERE live_bill.id = earlier.id)
    ORDER BY earlier.end_day DESC, earlier.id DESC
    LIMIT 1
) AS previous
WHERE bill.run_id = (SELECT id FROM bill_run WHERE uid = %(run)s)
    AND bill.cancels IS NULL AND bill.decision IS NULL AND bill.total IS NOT NULL
    AND bill.state <> 'discarded'
ORDER BY abs(bill.total - previous.total) DESC, bill.id
LIMIT %(limit)s

-- name: not_billed
SELECT
    run_note.id, account.number, account.name, run_note.service_point, run_note.code,
    run_note.first_day, run_note.end_day, run_note.message
FROM run_note JOIN account ON account.id = run_note.account_id
WHERE run_note.run_id = (SELECT id FROM bill_run WHERE uid = %(run)s)
    AND (%(code)s::text IS NULL OR run_note.code = %(code)s)
    AND (%(after)s::bigint IS NULL OR run_note.id > %(after)s)
ORDER BY run_note.id
LIMIT %(limit)s

-- name: left_out
SELECT code, count(*)
FROM (
    SELECT code FROM run_note
    WHERE run_id = (SELECT id FROM bill_run WHERE uid = %(run)s)
    LIMIT %(most)s
) AS note
GROUP BY code ORDER BY code

-- name: bills
SELECT
    -- Names as the bill says them: what the registry says today is no part of it.
    bill.id, bill.uid, bill_run.uid, bill.cycle, account.uid,
    bill.document -> 'buyer' ->> 'name', bill.document ->> 'account',
    bill.number, bill.issued_on, bill.due_on, bill.content_sha256, bill.state, bill.holds, bill.first_day, bill.end_day,
    bill.currency,
    CASE WHEN bill.total IS NOT NULL THEN jsonb_build_object(
        'net', bill.document -> 'net',
        'tax', (bill.total - (bill.document ->> 'net')::numeric)::text, 'settled', bill.document -> 'settled',
        'previous_balance', bill.document -> 'previous_balance'
    ) END,
    bill.sha256, bill.creator, bill.approver, cancelled.whole,
    -- When its days begin, where that is not midnight and the same for all that it bills.
    (
        SELECT min(supply ->> 'day_start')
        FROM jsonb_array_elements(bill.document -> 'supplies') AS supply
        HAVING count(DISTINCT coalesce(supply ->> 'day_start', '')) = 1
    ),
    CASE WHEN bill.cancels IS NULL THEN bill.run_type ELSE 'credit_note' END,
    jsonb_path_query_array(bill.document, '$.supplies[*] ? (exists (@.banks))')
FROM (
    SELECT * FROM bill
    WHERE (%(id)s::uuid IS NULL OR uid = %(id)s)
        -- A run has made the bills that are its own; credit notes and what waits with them are of
        -- their account.
        AND (%(run)s::uuid IS NULL OR run_id = (SELECT id FROM bill_run WHERE uid = %(run)s)
            AND (decision IS NULL OR cancels IS NULL AND state = 'issued'))
        AND (%(account)s::uuid IS NULL
            OR account_id = (SELECT id FROM account WHERE uid = %(account)s))
        AND (%(search)s::text IS NULL OR number LIKE %(search)s OR account_id IN (
            SELECT account.id FROM account
            WHERE account.number LIKE %(search)s OR account.name ILIKE '%%' || %(search)s
        ))
        AND (%(id)s::uuid IS NOT NULL OR %(state)s::text IS NULL OR CASE
            WHEN %(state)s::text IN ('issued', 'cancelled') THEN
                state = 'issued' AND (%(state)s::text = 'issued') = (
                    cancels IS NOT NULL
                    OR EXISTS (SELECT FROM live_bill WHERE live_bill.id = bill.id)
                )
            ELSE state = %(state)s::text
        END)
        AND (%(id)s::uuid IS NOT NULL OR %(state)s::text IS NOT NULL OR state <> 'discarded')
        AND (%(account_number)s::text IS NULL
            OR account_id = (SELECT id FROM account WHERE number = %(account_number)s))
        AND (%(cycle)s::text IS NULL OR cycle = %(cycle)s)
        AND (%(issued_from)s::date IS NULL OR issued_on >= %(issued_from)s)
        AND (%(issued_until)s::date IS NULL OR issued_on < %(issued_until)s)
        AND (%(changed_since)s::timestamptz IS NULL
            OR greatest(made_at, approved_at, issued_at) >= %(changed_since)s)
        AND (%(after)s::bigint IS NULL OR id > %(after)s)
    ORDER BY id
    LIMIT %(limit)s
) AS bill
JOIN bill_run ON bill_run.id = bill.run_id
JOIN account ON account.id = bill.account_id
CROSS JOIN LATERAL (
    -- All of its parts, by credit notes that are issued.
    SELECT EXISTS (
        SELECT FROM bill AS note
        WHERE note.cancels = bill.id AND note.state = 'issued'
    ) AND NOT EXISTS (
        SELECT FROM bill_part WHERE bill_part.bill_id = bill.id AND NOT EXISTS (
            SELECT FROM cancelled_part JOIN bill AS note ON note.id = cancelled_part.bill_id
            WHERE cancelled_part.part_id = bill_part.id
        )
    ) AS whole
) AS cancelled
ORDER BY bill.id

-- name: lines
SELECT
    bill_line.number, bill_line.charge, bill_line.kind, bill_line.label, bill_line.name,
    bill_line.quantity, bill_line.unit, bill_line.price, bill_line.amount,
    jsonb_path_exists(bill_line.lineage, '$.determinants[*].selection.runs[*]'),
    CASE WHEN bill_line.lineage -> 'adjusts' IS NOT NULL THEN bill_line.lineage ->> 'note' END
FROM bill_line
WHERE bill_line.bill_id = (SELECT id FROM bill WHERE uid = %(bill)s)
    AND (%(number)s::integer IS NULL OR bill_line.number = %(number)s)
ORDER BY bill_line.number

-- name: lineage
SELECT lineage FROM bill_line
WHERE bill_id = (SELECT id FROM bill WHERE uid = %(bill)s) AND number = %(number)s
