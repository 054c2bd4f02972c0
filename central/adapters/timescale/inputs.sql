-- name: points
-- Everybody takes these rows in one order: points, accounts, tariffs, series, settings, and by key;
-- then services, occupancies and bills.
UPDATE service_point SET input_revision = input_revision + 1
FROM (
    SELECT id FROM service_point WHERE name = ANY(%(names)s) OR id IN (
        SELECT service_point_id FROM point_channel WHERE id = ANY(%(channels)s)
    )
    ORDER BY id FOR NO KEY UPDATE
) AS held WHERE service_point.id = held.id

-- name: accounts
UPDATE account SET input_revision = input_revision + 1
FROM (
    SELECT id FROM account WHERE number = ANY(%(names)s) ORDER BY id FOR NO KEY UPDATE
) AS held WHERE account.id = held.id

-- name: tariffs
UPDATE tariff SET input_revision = input_revision + 1
FROM (
    SELECT id FROM tariff WHERE name = ANY(%(names)s) ORDER BY id FOR NO KEY UPDATE
) AS held WHERE tariff.id = held.id

-- name: series
UPDATE series SET input_revision = input_revision + 1
FROM (
    SELECT id FROM series WHERE name = ANY(%(names)s) ORDER BY id FOR NO KEY UPDATE
) AS held WHERE series.id = held.id

-- name: settings
UPDATE common_input SET input_revision = input_revision + 1

-- name: hold_points
SELECT id FROM service_point WHERE name = ANY(%(names)s) ORDER BY id FOR NO KEY UPDATE

-- name: hold_accounts
SELECT id FROM account WHERE number = ANY(%(names)s) ORDER BY id FOR NO KEY UPDATE

-- name: hold_tariffs
SELECT id FROM tariff WHERE name = ANY(%(names)s) ORDER BY id FOR NO KEY UPDATE

-- name: hold_settings
SELECT id FROM common_input FOR NO KEY UPDATE

-- name: points_of_device
-- The points at which a meter's channel counted at an instant.
SELECT DISTINCT service_point.name
FROM channel
JOIN installation ON installation.meter_id = channel.meter_id
    AND %(at)s::timestamptz >= lower(installation.during)
    AND %(at)s::timestamptz <= coalesce(upper(installation.during), 'infinity')
JOIN service_point ON service_point.id = installation.service_point_id
WHERE channel.id = %(channel_id)s
