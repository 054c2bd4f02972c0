-- name: accounts
SELECT id FROM account
WHERE id > %(after)s AND (%(among)s::bigint[] IS NULL OR id = ANY(%(among)s))
ORDER BY id LIMIT %(limit)s

-- name: open_among
SELECT account_id FROM correction_candidate
WHERE account_id = ANY(%(accounts)s) AND closed_at IS NULL

-- name: raised
SELECT kind, input_id, revision FROM changed_input ORDER BY kind, input_id LIMIT %(limit)s

-- name: resting_on
-- Of accounts with issued bills. Which series a bill was rated with its parts say, and their newer stamps.
SELECT DISTINCT resting.account_id
FROM (
    SELECT agreement.account_id FROM agreement WHERE agreement.service_point_id = ANY(%(points)s)
    UNION
    SELECT unnest(%(accounts)s::bigint[])
    UNION
    SELECT concerned.account_id
    FROM agreement
    JOIN agreement AS concerned ON concerned.account_id = agreement.account_id
    WHERE agreement.tariff_id = ANY(%(tariffs)s)
    UNION
    SELECT bill.account_id
    FROM bill_part JOIN bill ON bill.id = bill_part.bill_id
    WHERE %(series)s::bigint[] <> '{}' AND bill_part.series_revisions <> '{}'
        AND bill_part.series_revisions
            ?| ARRAY(SELECT name FROM series WHERE id = ANY(%(series)s))
    UNION
    SELECT bill.account_id
    FROM settled_stamp
    JOIN bill_part ON bill_part.id = settled_stamp.part_id
    JOIN bill ON bill.id = bill_part.bill_id
    WHERE %(series)s::bigint[] <> '{}' AND settled_stamp.series_revisions <> '{}'
        AND settled_stamp.series_revisions
            ?| ARRAY(SELECT name FROM series WHERE id = ANY(%(series)s))
) AS resting
WHERE EXISTS (SELECT FROM bill WHERE bill.account_id = resting.account_id AND bill.state = 'issued')
ORDER BY resting.account_id

-- name: looked
DELETE FROM changed_input
USING unnest(%(kinds)s::text[], %(inputs)s::bigint[], %(revisions)s::bigint[])
    AS compared (kind, input_id, revision)
WHERE changed_input.kind = compared.kind AND changed_input.input_id = compared.input_id
    AND changed_input.revision = compared.revision

-- name: left
-- The newest decision about these bills, where it left them.
SELECT id FROM (
    SELECT id, way, difference_sha256 FROM correction
    WHERE account_id = %(account_id)s AND state = 'approved'
    ORDER BY id DESC LIMIT 1
) AS newest
WHERE way = 'leave' AND difference_sha256 = %(sha256)s

-- name: reopen
UPDATE correction_candidate SET
    part_id = %(part)s, bill_id = %(bill)s, causes = %(causes)s, difference = %(difference)s,
    difference_sha256 = %(sha256)s, hold = %(hold)s, compared_at = %(at)s
WHERE account_id = %(account_id)s AND closed_at IS NULL
RETURNING uid

-- name: open
INSERT INTO correction_candidate (
    uid, account_id, part_id, bill_id, causes, difference, difference_sha256, hold, opened_at,
    compared_at
) VALUES (
    %(uid)s, %(account_id)s, %(part)s, %(bill)s, %(causes)s, %(difference)s, %(sha256)s, %(hold)s,
    %(at)s, %(at)s
)

-- name: close_same
UPDATE correction_candidate SET closed_at = %(at)s, closed_as = 'no difference', closed_by = %(actor)s
WHERE account_id = ANY(%(accounts)s) AND closed_at IS NULL
RETURNING uid

-- name: close_decided
-- Where the decision begins with its bill or an earlier one.
UPDATE correction_candidate SET
    closed_at = %(at)s, closed_by = %(actor)s, correction_id = %(correction)s,
    closed_as = CASE %(way)s WHEN 'adjust' THEN 'adjusted' ELSE 'left' END
WHERE account_id = %(account_id)s AND closed_at IS NULL AND bill_id = ANY(%(bills)s)

-- name: close_cancelled
-- Where its part is cancelled by one of these.
UPDATE correction_candidate SET
    closed_at = %(at)s, closed_by = %(actor)s, decision = note.decision,
    closed_as = CASE WHEN EXISTS (
        SELECT FROM bill AS anew
        WHERE anew.decision = note.decision AND anew.cancels IS NULL AND anew.state = 'issued'
    ) THEN 'rebilled' ELSE 'cancelled' END
FROM cancelled_part JOIN bill AS note ON note.id = cancelled_part.bill_id
WHERE correction_candidate.closed_at IS NULL
    AND correction_candidate.part_id = cancelled_part.part_id AND note.uid = ANY(%(bills)s)

-- name: candidates
SELECT
    candidate.uid, account.number, bill.uid, bill.number, service_point.name, part.first_day,
    part.end_day, candidate.causes, candidate.difference, candidate.hold, candidate.opened_at,
    candidate.compared_at, candidate.closed_at, candidate.closed_as, candidate.closed_by,
    decided.uid, candidate.decision
FROM correction_candidate AS candidate
JOIN account ON account.id = candidate.account_id
JOIN bill ON bill.id = candidate.bill_id
JOIN bill_part AS part ON part.id = candidate.part_id
JOIN agreement ON agreement.id = part.agreement_id
JOIN service_point ON service_point.id = agreement.service_point_id
LEFT JOIN correction AS decided ON decided.id = candidate.correction_id
    OR candidate.closed_at IS NULL AND decided.account_id = candidate.account_id
    AND decided.state = 'decided'
WHERE (%(uid)s::uuid IS NULL OR candidate.uid = %(uid)s)
    AND (%(account)s::text IS NULL OR account.number = %(account)s)
    AND (%(closed)s::boolean IS NULL OR (candidate.closed_at IS NOT NULL) = %(closed)s)
    AND (
        %(behind)s::uuid IS NULL
        OR CASE WHEN candidate.closed_at IS NULL
            THEN candidate.id > (SELECT id FROM correction_candidate WHERE uid = %(behind)s)
            ELSE (candidate.closed_at, candidate.id)
                < (SELECT closed_at, id FROM correction_candidate WHERE uid = %(behind)s)
        END
    )
    AND (
        %(since)s::timestamptz IS NULL
        OR candidate.compared_at >= %(since)s OR candidate.closed_at >= %(since)s
    )
ORDER BY
    CASE WHEN candidate.closed_at IS NULL THEN candidate.id END, candidate.closed_at DESC,
    candidate.id DESC
LIMIT %(limit)s

-- name: figures
SELECT
    count(*), count(hold),
    count(*) FILTER (WHERE opened_at > %(at)s::timestamptz - interval '1 day'),
    count(*) FILTER (
        WHERE opened_at <= %(at)s::timestamptz - interval '1 day' AND opened_at > %(at)s::timestamptz - interval '7 days'
    ),
    count(*) FILTER (
        WHERE opened_at <= %(at)s::timestamptz - interval '7 days' AND opened_at > %(at)s::timestamptz - interval '30 days'
    ),
    count(*) FILTER (WHERE opened_at <= %(at)s::timestamptz - interval '30 days'),
    min(opened_at)
FROM correction_candidate WHERE closed_at IS NULL
