-- name: tariff_versions
SELECT effective, document, sha256, currency, revision
FROM tariff_in_force JOIN tariff ON tariff.id = tariff_id
WHERE tariff.name = %(name)s
ORDER BY effective

-- name: tariff_history
SELECT
    tariff.name, effective, document, sha256, currency, revision, withdrawn, added_at, added_by,
    reason
FROM tariff_version JOIN tariff ON tariff.id = tariff_id
WHERE (%(name)s::text IS NULL OR tariff.name = %(name)s)
ORDER BY tariff.name, effective, revision

-- name: add_tariff
INSERT INTO tariff (name) VALUES (%(name)s) ON CONFLICT (name) DO NOTHING

-- name: add_tariff_version
INSERT INTO tariff_version (
    tariff_id, effective, revision, withdrawn, document, sha256, currency, added_at, added_by,
    reason
)
SELECT
    id, %(effective)s, %(revision)s, %(withdrawn)s, %(document)s, %(sha256)s, %(currency)s, %(at)s,
    %(actor)s, %(reason)s
FROM tariff WHERE name = %(name)s

-- name: concerned
-- By the accounts that have agreements there, since their bills have an index and parts have none.
SELECT count(*) OVER (), number
FROM (
    SELECT DISTINCT bill.id, bill.number
    FROM bill
    JOIN live_part AS bill_part ON bill_part.bill_id = bill.id
    JOIN agreement ON agreement.id = bill_part.agreement_id
    JOIN service_point ON service_point.id = agreement.service_point_id
    JOIN tariff ON tariff.id = agreement.tariff_id
    LEFT JOIN settled_part AS earlier ON earlier.id = bill_part.state_from
    CROSS JOIN LATERAL (
        -- A final settlement holds the day behind the last one, which it is made from.
        SELECT
            bill_part.first_day - bill_part.settles::integer AS first_day,
            bill_part.end_day - bill_part.settles::integer AS end_day,
            -- The tariff whose names its opening state has, where that is another's; it is settled
            -- or handed over as on the day before.
            CASE
                WHEN earlier.closing ->> 'tariff' = tariff.name THEN NULL
                ELSE nullif(
                    coalesce(
                        earlier.closing #>> '{before,tariff}', earlier.closing ->> 'tariff'
                    ),
                    tariff.name
                )
            END AS opened_under,
            -- The tariff after it, where that was known: it says what is handed over, and may say
            -- that nothing is.
            coalesce(nullif(bill_part.closing ->> 'tariff', tariff.name), (
                SELECT following.name
                FROM agreement AS next JOIN tariff AS following ON following.id = next.tariff_id
                WHERE next.occupancy_id = bill_part.occupancy_id AND NOT bill_part.settles
                    AND lower(next.during) = bill_part.end_day
                    AND bill_part.other_tariff_revisions ? following.name
            )) AS handed_to
    ) AS read
    WHERE bill.state = 'issued'
        AND bill.account_id IN (
            SELECT account_id FROM agreement
            WHERE CASE %(kind)s
                WHEN 'service point' THEN agreement.service_point_id = (
                    SELECT id FROM service_point WHERE name = %(name)s
                )
                WHEN 'tariff' THEN agreement.tariff_id = (
                    SELECT id FROM tariff WHERE name = %(name)s
                )
                ELSE true
            END
        )
        AND CASE %(kind)s
            WHEN 'service point' THEN service_point.name = %(name)s AND daterange(
                read.first_day, read.end_day
            ) && daterange(%(first)s, %(end)s)
            WHEN 'tariff' THEN
                tariff.name = %(name)s
                AND daterange(read.first_day, read.end_day) && daterange(%(first)s, %(end)s)
                OR daterange(%(first)s, %(end)s) @> bill_part.first_day - 1
                AND read.opened_under = %(name)s
                OR daterange(%(first)s, %(end)s) @> read.end_day AND read.handed_to = %(name)s
            WHEN 'series' THEN (
                bill_part.series_revisions ? %(name)s OR EXISTS (
                    SELECT FROM settled_stamp
                    WHERE settled_stamp.part_id = bill_part.id
                        AND settled_stamp.series_revisions ? %(name)s
                )
            ) AND daterange(read.first_day, read.end_day) && daterange(%(first)s, %(end)s)
            ELSE false
        END
) AS concerned
ORDER BY number
LIMIT %(limit)s
