-- name: account_exists
SELECT EXISTS (SELECT FROM account WHERE number = %(account)s)

-- name: changed
-- Accounts with what tells them from what they were: revisions of what their bills rest on, closed days,
-- what is claimed and issued, and adjustments; where nothing is metered, days end by themselves. A
-- channel that never had a closed day stops no other.
SELECT
    asked.id,
    reach.end_day,
    concat_ws(
        '/', reach.end_day, asked.input_revision, common_input.input_revision,
        (
            SELECT sum(service_point.input_revision) FROM service_point
            WHERE service_point.id IN (
                SELECT service_point_id FROM agreement WHERE agreement.account_id = asked.id
            )
        ),
        (
            SELECT sum(tariff.input_revision) FROM tariff
            WHERE tariff.id IN (
                SELECT tariff_id FROM agreement WHERE agreement.account_id = asked.id
            )
        ),
        (SELECT sum(series.input_revision) FROM series WHERE series.name = ANY(kept.series)),
        (
            SELECT string_agg(point_channel.closed_through::text, ',' ORDER BY point_channel.id)
            FROM point_channel
            WHERE point_channel.service_point_id IN (
                SELECT service_point_id FROM agreement WHERE agreement.account_id = asked.id
            )
        ),
        (
            SELECT string_agg(newest.end_day::text, ',' ORDER BY occupancy.id)
            FROM occupancy
            CROSS JOIN LATERAL (
                SELECT end_day FROM billed_period WHERE billed_period.occupancy_id = occupancy.id
                ORDER BY end_day DESC LIMIT 1
            ) AS newest
            WHERE occupancy.account_id = asked.id
        ),
        (
            SELECT string_agg(bill.id::text, ',' ORDER BY bill.id) FROM bill
            WHERE bill.account_id = asked.id AND bill.state <> 'issued'
        ),
        (SELECT count(*) FROM bill WHERE bill.account_id = asked.id AND bill.state = 'issued'),
        (SELECT count(*) FROM adjustment WHERE adjustment.account_id = asked.id)
    ),
    kept.stamp
FROM (
    SELECT id, input_revision FROM account
    WHERE id > %(after)s AND (%(account)s::text IS NULL OR number = %(account)s)
    ORDER BY id LIMIT %(limit)s
) AS asked
CROSS JOIN common_input
CROSS JOIN LATERAL (
    SELECT coalesce((
            SELECT min(point_channel.closed_through + 1)
            FROM occupancy
            JOIN service ON service.id = occupancy.service_id
            JOIN point_channel ON point_channel.service_point_id = service.service_point_id
                AND (service.channels IS NULL OR point_channel.obis = ANY(service.channels))
            WHERE occupancy.account_id = asked.id
                AND (occupancy.ended_on IS NULL OR occupancy.ended_on > point_channel.closed_through + 1)
        ), %(today)s::date) AS end_day
) AS reach
LEFT JOIN unbilled_stamp AS kept ON kept.account_id = asked.id
ORDER BY asked.id

-- name: hold
-- In the order of their keys: two who keep what one account comes to do it one after the other.
INSERT INTO unbilled_stamp (account_id, stamp, series, rated_at)
SELECT id, '', '{}', '-infinity' FROM unnest(%(accounts)s::bigint[]) AS given (id) ORDER BY id
ON CONFLICT DO NOTHING

-- name: held
SELECT account_id FROM unbilled_stamp
WHERE account_id = ANY(%(accounts)s) AND rated_at < %(at)s
ORDER BY account_id FOR UPDATE

-- name: stamp
UPDATE unbilled_stamp SET stamp = given.stamp, series = given.series::text[], rated_at = %(at)s
FROM unnest(%(accounts)s::bigint[], %(stamps)s::text[], %(series)s::text[])
    AS given (account_id, stamp, series)
WHERE unbilled_stamp.account_id = given.account_id

-- name: spans
-- What is kept of occupancies with unbilled days.
SELECT occupancy_id, first_day, end_day, currency, amount, holds
FROM (
    SELECT DISTINCT ON (unbilled_span.occupancy_id) unbilled_span.*
    FROM occupancy JOIN unbilled_span ON unbilled_span.occupancy_id = occupancy.id
    WHERE occupancy.account_id = ANY(%(accounts)s)
    ORDER BY unbilled_span.occupancy_id, unbilled_span.recorded_at DESC
) AS newest
WHERE first_day < end_day

-- name: days
-- What is kept of days of occupancies.
SELECT DISTINCT ON (occupancy_id, day) occupancy_id, day, charges
FROM unbilled_day WHERE occupancy_id = ANY(%(occupancies)s) AND day >= %(first)s
ORDER BY occupancy_id, day, recorded_at DESC

-- name: add_spans
COPY unbilled_span (occupancy_id, recorded_at, first_day, end_day, currency, amount, holds)
FROM STDIN

-- name: add_days
COPY unbilled_day (occupancy_id, day, recorded_at, amount, charges) FROM STDIN

-- name: accounts
SELECT
    account.number, service_point.name, service.name, newest.first_day, newest.end_day,
    newest.currency, newest.amount, newest.holds, newest.recorded_at, occupancy.id
FROM account
JOIN occupancy ON occupancy.account_id = account.id
JOIN service ON service.id = occupancy.service_id
JOIN service_point ON service_point.id = service.service_point_id
CROSS JOIN LATERAL (
    SELECT * FROM unbilled_span WHERE unbilled_span.occupancy_id = occupancy.id
    ORDER BY unbilled_span.recorded_at DESC LIMIT 1
) AS newest
WHERE newest.first_day < newest.end_day
    AND (%(account)s::text IS NULL OR account.number = %(account)s)
    AND (%(after)s::text IS NULL OR (account.number, occupancy.id) > (%(after)s, %(occupancy)s))
ORDER BY account.number, occupancy.id LIMIT %(limit)s

-- name: account_days
SELECT
    service_point.name, service.name, newest_day.day, newest.currency, newest_day.amount,
    newest_day.charges, occupancy.id
FROM account
JOIN occupancy ON occupancy.account_id = account.id
JOIN service ON service.id = occupancy.service_id
JOIN service_point ON service_point.id = service.service_point_id
CROSS JOIN LATERAL (
    SELECT * FROM unbilled_span WHERE unbilled_span.occupancy_id = occupancy.id
    ORDER BY unbilled_span.recorded_at DESC LIMIT 1
) AS newest
CROSS JOIN LATERAL (
    SELECT DISTINCT ON (unbilled_day.day) unbilled_day.* FROM unbilled_day
    WHERE unbilled_day.occupancy_id = occupancy.id
        AND unbilled_day.day >= newest.first_day AND unbilled_day.day < newest.end_day
    ORDER BY unbilled_day.day, unbilled_day.recorded_at DESC
) AS newest_day
WHERE account.number = %(account)s
    AND (
        %(occupancy)s::bigint IS NULL OR (occupancy.id, newest_day.day) > (%(occupancy)s, %(day)s)
    )
ORDER BY occupancy.id, newest_day.day LIMIT %(limit)s

-- name: charges
SELECT newest.currency, charge.key, count(DISTINCT occupancy.account_id), sum(charge.value::numeric)
FROM (
    SELECT DISTINCT ON (occupancy_id) * FROM unbilled_span
    ORDER BY occupancy_id, recorded_at DESC
) AS newest
JOIN occupancy ON occupancy.id = newest.occupancy_id
CROSS JOIN LATERAL (
    SELECT DISTINCT ON (unbilled_day.day) unbilled_day.charges FROM unbilled_day
    WHERE unbilled_day.occupancy_id = newest.occupancy_id
        AND unbilled_day.day >= newest.first_day AND unbilled_day.day < newest.end_day
    ORDER BY unbilled_day.day, unbilled_day.recorded_at DESC
) AS newest_day
CROSS JOIN LATERAL jsonb_each_text(newest_day.charges) AS charge
WHERE newest.first_day < newest.end_day
GROUP BY newest.currency, charge.key ORDER BY newest.currency, charge.key
