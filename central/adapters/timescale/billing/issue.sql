-- name: chosen
SELECT uid, sha256, document -> 'supplies' -> 0 ->> 'zone', cancels IS NOT NULL
FROM bill
WHERE uid = ANY(%(uids)s) AND state = 'approved'
ORDER BY id
FOR UPDATE

-- name: add_series
INSERT INTO bill_series (series) SELECT unnest(%(series)s::text[]) ON CONFLICT (series) DO NOTHING

-- name: last_numbers
SELECT series, last, printed_on FROM bill_series WHERE series = ANY(%(series)s) ORDER BY series FOR UPDATE

-- name: issue
UPDATE bill SET
    state = 'issued', issued_at = %(at)s, series = chosen.series,
    legal_number = chosen.place, number = chosen.number, issued_on = chosen.issued_on,
    due_on = chosen.due_on, issue = chosen.issue::jsonb, content_sha256 = chosen.content_sha256
FROM unnest(
    %(uids)s::uuid[], %(series)s::text[], %(places)s::bigint[], %(numbers)s::text[],
    %(issued)s::date[], %(due)s::date[], %(facts)s::text[], %(hashes)s::bytea[]
) AS chosen (uid, series, place, number, issued_on, due_on, issue, content_sha256)
WHERE bill.uid = chosen.uid AND bill.state = 'approved'

-- name: save_numbers
UPDATE bill_series SET last = given.last, printed_on = coalesce(given.printed, printed_on)
FROM unnest(%(series)s::text[], %(last)s::bigint[], %(printed)s::date[])
    AS given (series, last, printed)
WHERE bill_series.series = given.series
