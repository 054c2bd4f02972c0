-- name: partitions
SELECT reading_attach(%(now)s - interval '2 months', %(now)s, %(now)s)

-- name: gateways
INSERT INTO gateway (name, enrolled_at, backlog)
SELECT 'field-' || lpad(n::text, 6, '0'), %(now)s - interval '90 days', 0
FROM generate_series(1, %(meters)s / 10) AS n

-- name: epochs
INSERT INTO gateway_epoch (gateway_id, epoch, first_at, last_at, advanced_at)
SELECT id, gen_random_uuid(), enrolled_at, %(now)s - interval '5 minutes', %(now)s
FROM gateway
WHERE name LIKE 'field-%%'

-- name: meters
INSERT INTO meter (manufacturer, serial, gateway_id, first_seen_at)
SELECT 'BEN', 'B' || lpad(n::text, 7, '0'), gateway.id, %(now)s
FROM generate_series(1, %(meters)s) AS n
JOIN gateway ON gateway.name = 'field-' || lpad(((n - 1) / 10 + 1)::text, 6, '0')

-- name: channels
INSERT INTO channel (meter_id, obis, kind, period_s, source, unit, first_seen_at)
SELECT id, '\x0100010800ff', 0, 900, 1, 'Wh', first_seen_at
FROM meter
WHERE manufacturer = 'BEN'

-- name: readings
INSERT INTO reading (channel_id, at, mantissa, exponent, flags)
SELECT channel.id, %(now)s - n * interval '15 minutes' - CASE WHEN channel.id %% 10000 = 0 THEN interval '9 hours' ELSE interval '0' END, 1000000 - n * 50, 0, 0
FROM channel
JOIN meter ON meter.id = channel.meter_id AND meter.manufacturer = 'BEN'
CROSS JOIN generate_series(1, 12) AS n

-- name: points
INSERT INTO service_point (uid, name, zone, created_at)
SELECT gen_random_uuid(), 'Point ' || lpad(n::text, 7, '0'), 'Europe/Madrid', %(now)s
FROM generate_series(1, %(meters)s) AS n

-- name: point_channels
INSERT INTO point_channel (service_point_id, obis, period_s, unit)
SELECT id, '\x0100010800ff', 900, 'Wh'
FROM service_point
WHERE name LIKE 'Point %%'

-- name: installations
INSERT INTO installation (uid, service_point_id, meter_id, during)
SELECT gen_random_uuid(), service_point.id, meter.id, tstzrange('2026-01-01', NULL)
FROM meter
JOIN service_point ON service_point.name = 'Point ' || substr(meter.serial, 2)
WHERE meter.manufacturer = 'BEN' AND meter.id %% 1000 <> 0

-- name: attach_blocks
SELECT day_block_attach(%(now)s::date - %(days)s, %(now)s::date, %(now)s)

-- name: blocks
WITH heading AS (
    INSERT INTO block_heading (zone, unit, period_s, exponent, start_ms, intervals, actor)
    VALUES ('Europe/Madrid', 'Wh', 900, 0, 0, 96, 'vee') RETURNING id
)
INSERT INTO day_block (
    channel_id, made_at, day, version, heading_id, missing, estimated, zeros, edited, total,
    sha256, extremes, content
)
SELECT
    point_channel.id, %(now)s, %(now)s::date - n, 1, heading.id, 0, 0, 96, false, 0,
    sha256(int8send(point_channel.id)), '\x00000000', '\x0000'
FROM point_channel
CROSS JOIN generate_series(1, %(days)s) AS n
CROSS JOIN heading
WHERE point_channel.service_point_id IN (SELECT id
FROM service_point
WHERE name LIKE 'Point %%')

-- name: accounts
INSERT INTO account (uid, number, name, created_at)
SELECT gen_random_uuid(), 'B' || lpad(n::text, 7, '0'), 'Customer ' || n, %(now)s
FROM generate_series(1, %(meters)s) AS n

-- name: agreements
WITH sold AS (
    INSERT INTO service (uid, service_point_id, name)
    SELECT gen_random_uuid(), id, 'electricity' FROM service_point WHERE name LIKE 'Point %%'
    RETURNING id, service_point_id
), living AS (
    INSERT INTO occupancy (uid, account_id, service_id, billing_from)
    SELECT gen_random_uuid(), account.id, sold.id, '2026-01-01'
    FROM service_point
    JOIN sold ON sold.service_point_id = service_point.id
    JOIN account ON account.number = 'B' || substr(service_point.name, 7)
    RETURNING id, account_id, service_id
)
INSERT INTO agreement (uid, account_id, service_point_id, service_id, tariff_id, during, occupancy_id)
SELECT gen_random_uuid(), living.account_id, sold.service_point_id, sold.id, tariff.id, daterange('2026-01-01', NULL), living.id
FROM living
JOIN sold ON sold.id = living.service_id
CROSS JOIN tariff

-- name: bills
INSERT INTO bill (uid, run_id, account_id, cycle, run_type, state, holds, first_day, end_day, currency, total, sha256, document, creator, made_at)
SELECT gen_random_uuid(), bill_run.id, account.id, '2026-10', 'regular', CASE WHEN account.id %% 500 = 0 THEN 'held' ELSE 'draft' END, CASE WHEN account.id %% 500 = 0 THEN '[{"code": "X", "message": "Held."}]'::jsonb ELSE '[]'::jsonb END, '2026-10-01', '2026-11-01', 'EUR', 12.34, sha256('x'),
    jsonb_build_object(
        'account', account.number, 'buyer', jsonb_build_object('name', account.name),
        'net', '12.34', 'tax', '0.00', 'total', '12.34', 'previous_balance', NULL
    ), 'night run', %(now)s
FROM account
CROSS JOIN bill_run
WHERE account.number LIKE 'B%%'

-- name: findings
INSERT INTO vee_finding (channel_id, day, code, severity, from_at, until_at, message, evidence, raised_at)
SELECT id, %(now)s::date, 'SPIKE', 'warning', %(now)s, %(now)s + interval '1 hour', 'Spike.', '{}', %(now)s
FROM point_channel
WHERE id %% 100 = 0
