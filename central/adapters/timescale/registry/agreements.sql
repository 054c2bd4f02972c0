-- name: services
-- Locked, so that two who conclude agreements of one service do it one after the other.
SELECT service.name, service.channels, service.day_start
FROM service JOIN service_point ON service_point.id = service_point_id
WHERE service_point.name = %(point)s
ORDER BY service.id
FOR NO KEY UPDATE OF service

-- name: add_service
INSERT INTO service (uid, service_point_id, name, channels)
SELECT %(uid)s, id, %(name)s, %(channels)s FROM service_point WHERE name = %(point)s
ON CONFLICT (service_point_id, name) DO NOTHING

-- name: hold_billed
-- Whoever bills holds them too.
SELECT occupancy.id
FROM occupancy
JOIN service ON service.id = occupancy.service_id
JOIN service_point ON service_point.id = service.service_point_id
WHERE service_point.name = %(point)s AND service.name = %(service)s
ORDER BY occupancy.id
FOR UPDATE OF occupancy

-- name: billed
SELECT EXISTS (
    SELECT FROM billed_period WHERE occupancy_id = ANY(%(occupancies)s) AND first_day IS NOT NULL
)

-- name: set_day_start
UPDATE service SET day_start = %(at)s
FROM service_point
WHERE service_point.id = service_point_id AND service_point.name = %(point)s
    AND service.name = %(service)s

-- name: cut_channels
-- What was cut otherwise is closed anew.
UPDATE point_channel SET day_start = %(at)s, closed_through = NULL
FROM service JOIN service_point ON service_point.id = service.service_point_id
WHERE service_point.name = %(point)s AND service.name = %(service)s
    AND point_channel.service_point_id = service_point.id
    AND (service.channels IS NULL OR point_channel.obis = ANY(service.channels))
    AND point_channel.day_start <> %(at)s

-- name: hold_occupancies
SELECT occupancy.id
FROM occupancy
JOIN account ON account.id = occupancy.account_id
JOIN service ON service.id = occupancy.service_id
JOIN service_point ON service_point.id = service.service_point_id
WHERE account.number = %(account)s AND service_point.name = %(point)s
    AND service.name = %(service)s
ORDER BY occupancy.id
FOR UPDATE OF occupancy

-- name: occupancies
SELECT
    occupancy.id, occupancy.billing_from, occupancy.ended_on,
    (
        SELECT array_agg(lower(agreement.during) ORDER BY lower(agreement.during))
        FROM agreement
        WHERE agreement.occupancy_id = occupancy.id AND agreement.withdrawn IS NULL
    ),
    (
        SELECT max(end_day) FROM billed_period
        WHERE billed_period.occupancy_id = occupancy.id AND first_day IS NOT NULL AND NOT settles
    ),
    (
        SELECT max(billed_period.end_day)
        FROM billed_period
        LEFT JOIN bill_part ON bill_part.id = billed_period.part_id
        LEFT JOIN bill ON bill.id = bill_part.bill_id
        WHERE billed_period.occupancy_id = occupancy.id AND billed_period.first_day IS NOT NULL
            AND NOT billed_period.settles
            AND (billed_period.part_id IS NULL OR bill.state IN ('approved', 'issued'))
    ),
    (
        SELECT bill.state
        FROM billed_period
        JOIN bill_part ON bill_part.id = billed_period.part_id
        JOIN bill ON bill.id = bill_part.bill_id
        WHERE billed_period.occupancy_id = occupancy.id AND billed_period.settles
    )
FROM occupancy
WHERE occupancy.id = ANY(%(occupancies)s)
ORDER BY occupancy.billing_from, occupancy.id

-- name: add_occupancy
INSERT INTO occupancy (uid, account_id, service_id, billing_from, ended_on)
SELECT %(uid)s, account.id, service.id, %(billing_from)s, %(ended_on)s
FROM account, service JOIN service_point ON service_point.id = service.service_point_id
WHERE account.number = %(account)s AND service_point.name = %(point)s
    AND service.name = %(service)s
RETURNING id

-- name: change_occupancy
UPDATE occupancy SET billing_from = %(billing_from)s, ended_on = %(ended_on)s
WHERE id = %(occupancy)s

-- name: drop_root
DELETE FROM billed_period
WHERE occupancy_id = %(occupancy)s AND first_day IS NULL AND end_day <> %(billing_from)s

-- name: add_root
INSERT INTO billed_period (occupancy_id, end_day) VALUES (%(occupancy)s, %(billing_from)s)
ON CONFLICT DO NOTHING

-- name: agreements
SELECT
    account.number, service_point.name, tariff.name,
    lower(agreement.during), upper(agreement.during), agreement.facts, service.name,
    agreement.billing_from
FROM agreement
JOIN account ON account.id = agreement.account_id
JOIN service ON service.id = agreement.service_id
JOIN service_point ON service_point.id = agreement.service_point_id
JOIN tariff ON tariff.id = agreement.tariff_id
WHERE service_point.name = %(point)s AND agreement.withdrawn IS NULL
ORDER BY lower(agreement.during), agreement.id

-- name: add_agreement
INSERT INTO agreement (
    uid, account_id, service_point_id, service_id, tariff_id, during, facts, billing_from,
    occupancy_id
)
SELECT
    %(uid)s, account.id, service_point.id, service.id, tariff.id,
    daterange(%(first)s, %(end)s), %(facts)s, %(billing_from)s, %(occupancy)s
FROM account, tariff, service_point JOIN service ON service.service_point_id = service_point.id
WHERE account.number = %(account)s AND service_point.name = %(point)s
    AND service.name = %(service)s AND tariff.name = %(tariff)s

-- name: change_agreement
UPDATE agreement SET
    during = daterange(lower(during), %(end)s), facts = %(facts)s,
    billing_from = %(billing_from)s, occupancy_id = %(occupancy)s
FROM account, service, service_point
WHERE account.id = account_id AND service.id = service_id
    AND service_point.id = agreement.service_point_id
    AND account.number = %(account)s AND service_point.name = %(point)s
    AND service.name = %(service)s AND lower(during) = %(first)s

-- name: move_agreement
UPDATE agreement SET occupancy_id = %(occupancy)s
FROM account, service, service_point
WHERE account.id = account_id AND service.id = service_id
    AND service_point.id = agreement.service_point_id
    AND account.number = %(account)s AND service_point.name = %(point)s
    AND service.name = %(service)s AND lower(during) = %(first)s
