-- name: points
-- Everybody takes these rows in one order: points, accounts, tariffs, series, settings, and by key;
-- then services, occupancies and bills.
WITH raised AS (
    UPDATE service_point SET input_revision = input_revision + 1
    FROM (
        SELECT id FROM service_point WHERE name = ANY(%(names)s) OR id IN (
            SELECT service_point_id FROM point_channel WHERE id = ANY(%(channels)s)
            UNION ALL
            -- What has a share in them is held by their findings, conflicts and gaps as well.
            SELECT point_channel.service_point_id
            FROM allocated_channel
            JOIN point_channel ON point_channel.id = allocated_channel.channel_id
            WHERE allocated_channel.source_id = ANY(%(channels)s)
        )
        ORDER BY id FOR NO KEY UPDATE
    ) AS held WHERE service_point.id = held.id
    RETURNING service_point.id, service_point.input_revision
)
INSERT INTO changed_input (kind, input_id, revision)
SELECT 'service point', id, input_revision FROM raised ORDER BY id
ON CONFLICT (kind, input_id) DO UPDATE SET revision = excluded.revision

-- name: accounts
WITH raised AS (
    UPDATE account SET input_revision = input_revision + 1
    FROM (
        SELECT id FROM account WHERE number = ANY(%(names)s) ORDER BY id FOR NO KEY UPDATE
    ) AS held WHERE account.id = held.id
    RETURNING account.id, account.input_revision
)
INSERT INTO changed_input (kind, input_id, revision)
SELECT 'account', id, input_revision FROM raised ORDER BY id
ON CONFLICT (kind, input_id) DO UPDATE SET revision = excluded.revision

-- name: tariffs
WITH raised AS (
    UPDATE tariff SET input_revision = input_revision + 1
    FROM (
        SELECT id FROM tariff WHERE name = ANY(%(names)s) ORDER BY id FOR NO KEY UPDATE
    ) AS held WHERE tariff.id = held.id
    RETURNING tariff.id, tariff.input_revision
)
INSERT INTO changed_input (kind, input_id, revision)
SELECT 'tariff', id, input_revision FROM raised ORDER BY id
ON CONFLICT (kind, input_id) DO UPDATE SET revision = excluded.revision

-- name: series
WITH raised AS (
    UPDATE series SET input_revision = input_revision + 1
    FROM (
        SELECT id FROM series WHERE name = ANY(%(names)s) ORDER BY id FOR NO KEY UPDATE
    ) AS held WHERE series.id = held.id
    RETURNING series.id, series.input_revision
)
INSERT INTO changed_input (kind, input_id, revision)
SELECT 'series', id, input_revision FROM raised ORDER BY id
ON CONFLICT (kind, input_id) DO UPDATE SET revision = excluded.revision

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
