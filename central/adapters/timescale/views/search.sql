-- name: hit
-- Whole words come first: a number is found among those that begin with it.
WITH whole AS MATERIALIZED (
    SELECT thing_id FROM search_entry
    WHERE kind = '{kind}' AND words @@ search_query(%(typed)s, false) {inside}
    LIMIT %(limit)s
), begun AS MATERIALIZED (
    SELECT thing_id FROM search_entry
    WHERE kind = '{kind}' AND words @@ search_query(%(typed)s, true) {inside}
    LIMIT %(limit)s
), hit AS (
    SELECT thing_id, min(place) AS place FROM (
        SELECT thing_id, 0 AS place FROM whole
        UNION ALL
        SELECT thing_id, 1 FROM begun
    ) AS each_hit
    GROUP BY thing_id
)

-- name: account_inside
AND thing_id IN (
    SELECT inside_accounts(%(groups)s::text[], %(accounts)s::text[], %(day)s::date)
)

-- name: point_inside
AND thing_id IN (
    SELECT inside_points(%(groups)s::text[], %(accounts)s::text[], %(day)s::date)
)

-- name: meter_inside
AND thing_id IN (
    SELECT meter_id FROM installation
    WHERE service_point_id IN (
        SELECT inside_points(%(groups)s::text[], %(accounts)s::text[], %(day)s::date)
    ) AND during @> %(now)s::timestamptz
)

-- name: gateway_inside
AND false

-- name: customer_inside
AND account.id IN (
    SELECT inside_accounts(%(groups)s::text[], %(accounts)s::text[], %(day)s::date)
)

-- name: account
{hit}
SELECT
    'account', account.uid::text, account.number,
    concat_ws(', ', account.name, nullif(array_to_string(account.address, ', '), '')), '', '', '', ''
FROM hit JOIN account ON account.id = hit.thing_id
ORDER BY hit.place, account.number
LIMIT %(limit)s

-- name: gateway
{hit}
SELECT 'gateway', gateway.name, gateway.name, '', '', '', '', ''
FROM hit JOIN gateway ON gateway.id = hit.thing_id
ORDER BY hit.place, gateway.name
LIMIT %(limit)s

-- name: meter
{hit}
SELECT 'meter', meter.id::text, meter.serial, meter.manufacturer, '', '', '', ''
FROM hit JOIN meter ON meter.id = hit.thing_id
ORDER BY hit.place, meter.serial, meter.manufacturer
LIMIT %(limit)s

-- name: point
{hit}
SELECT
    'point', '', service_point.name, service_point.address,
    coalesce(meter.id::text, ''), coalesce(meter.serial, ''),
    coalesce(account.uid::text, ''), coalesce(account.number, '')
FROM hit
JOIN service_point ON service_point.id = hit.thing_id
LEFT JOIN LATERAL (
    SELECT meter_id FROM installation
    WHERE installation.service_point_id = service_point.id
        AND installation.during @> %(now)s::timestamptz
    LIMIT 1
) AS place ON true
LEFT JOIN meter ON meter.id = place.meter_id
LEFT JOIN LATERAL (
    SELECT account_id FROM agreement
    WHERE agreement.service_point_id = service_point.id
        AND agreement.during @> (%(now)s::timestamptz AT TIME ZONE service_point.zone)::date
    LIMIT 1
) AS sold ON true
LEFT JOIN account ON account.id = sold.account_id AND %(customers)s {customer_inside}
ORDER BY hit.place, service_point.name
LIMIT %(limit)s
