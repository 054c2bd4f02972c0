-- name: seller
SELECT name, address, tax_id, contact FROM seller

-- name: save_seller
INSERT INTO seller (name, address, tax_id, contact)
VALUES (%(name)s, %(address)s, %(tax_id)s, %(contact)s)
ON CONFLICT (id) DO UPDATE SET
    name = excluded.name, address = excluded.address,
    tax_id = excluded.tax_id, contact = excluded.contact

-- name: point
SELECT name, zone, address, capacity FROM service_point WHERE name = %(name)s

-- name: save_point
INSERT INTO service_point (uid, name, zone, address, capacity, created_at)
VALUES (%(uid)s, %(name)s, %(zone)s, %(address)s, %(capacity)s, %(now)s)
ON CONFLICT (name) DO UPDATE SET address = excluded.address, capacity = excluded.capacity

-- name: channels
SELECT point_channel.obis, point_channel.period_s, point_channel.unit
FROM point_channel
JOIN service_point ON service_point.id = service_point_id
WHERE service_point.name = %(point)s
ORDER BY point_channel.id

-- name: add_channel
-- Its days begin with those of the services that bill it.
INSERT INTO point_channel (service_point_id, obis, period_s, unit, day_start)
SELECT
    id, %(obis)s, %(period_s)s, %(unit)s,
    coalesce(
        (
            SELECT min(service.day_start) FROM service
            WHERE service.service_point_id = service_point.id
                AND (service.channels IS NULL OR %(obis)s = ANY(service.channels))
        ),
        '00:00'
    )
FROM service_point WHERE name = %(point)s

-- name: installations
SELECT
    installation.id, meter.manufacturer, meter.serial,
    lower(installation.during), upper(installation.during),
    installation.multiplier_numerator, installation.multiplier_denominator
FROM installation
JOIN meter ON meter.id = installation.meter_id
JOIN service_point ON service_point.id = installation.service_point_id
WHERE service_point.name = %(point)s AND installation.withdrawn IS NULL
ORDER BY lower(installation.during)

-- name: registers
SELECT installation_id, obis, modulus, opening, closing
FROM installation_register WHERE installation_id = ANY(%(installations)s)

-- name: find_meter
SELECT id FROM meter WHERE manufacturer = %(manufacturer)s AND serial = %(serial)s

-- name: expect_meter
-- A meter that has not reported yet, behind a gateway that is enrolled.
INSERT INTO meter (manufacturer, serial, gateway_id, first_seen_at)
SELECT %(manufacturer)s, %(serial)s, id, %(now)s
FROM gateway WHERE name = %(gateway)s AND revoked_at IS NULL
ON CONFLICT (manufacturer, serial) DO NOTHING

-- name: add_installation
INSERT INTO installation (
    uid, service_point_id, meter_id, during, multiplier_numerator, multiplier_denominator
)
SELECT %(uid)s, id, %(meter_id)s, tstzrange(%(start)s, %(end)s), %(numerator)s, %(denominator)s
FROM service_point WHERE name = %(point)s
RETURNING id

-- name: end_installation
UPDATE installation SET during = tstzrange(lower(during), %(end)s)
FROM meter
WHERE meter.id = meter_id AND manufacturer = %(manufacturer)s AND serial = %(serial)s
    AND lower(during) = %(start)s
RETURNING installation.id

-- name: save_register
INSERT INTO installation_register (installation_id, obis, modulus, opening, closing)
VALUES (%(installation_id)s, %(obis)s, %(modulus)s, %(opening)s, %(closing)s)
ON CONFLICT (installation_id, obis) DO UPDATE SET
    modulus = excluded.modulus, opening = excluded.opening, closing = excluded.closing

-- name: queue_for_validation
INSERT INTO touched (channel_id, from_at, until_at)
SELECT channel.id, %(start)s, %(end)s
FROM channel JOIN meter ON meter.id = channel.meter_id
WHERE manufacturer = %(manufacturer)s AND serial = %(serial)s
    AND %(start)s::timestamptz < %(end)s::timestamptz

-- name: reopen
-- What is earlier on a date than days begin belongs to the day before.
UPDATE point_channel SET closed_through = greatest(reopened.last, retention_floor - 1)
FROM service_point, point_channel AS kept
CROSS JOIN LATERAL (
    SELECT %(day)s::date - CASE WHEN kept.day_start > '00:00' THEN 2 ELSE 1 END AS last
) AS reopened
WHERE service_point.id = kept.service_point_id AND service_point.name = %(point)s
    AND point_channel.id = kept.id AND point_channel.closed_through > greatest(reopened.last, retention_floor - 1)
    -- What has a share in another channel is closed with that.
    AND NOT EXISTS (SELECT FROM allocated_channel WHERE channel_id = kept.id)

-- name: account
SELECT name, address, tax_id, contact FROM account WHERE number = %(number)s

-- name: save_account
INSERT INTO account (uid, number, name, address, tax_id, contact, created_at)
VALUES (%(uid)s, %(number)s, %(name)s, %(address)s, %(tax_id)s, %(contact)s, %(now)s)
ON CONFLICT (number) DO UPDATE SET
    name = excluded.name, address = excluded.address,
    tax_id = excluded.tax_id, contact = excluded.contact

