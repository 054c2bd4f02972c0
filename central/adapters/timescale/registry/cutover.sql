-- name: opening
SELECT opening FROM billed_period WHERE occupancy_id = %(occupancy)s AND first_day IS NULL

-- name: drop_root
DELETE FROM billed_period
WHERE occupancy_id = %(occupancy)s AND first_day IS NULL
RETURNING end_day

-- name: add_root
INSERT INTO billed_period (occupancy_id, end_day, opening)
VALUES (%(occupancy)s, %(end_day)s, %(opening)s)

-- name: add_series
INSERT INTO bill_series (series) VALUES (%(series)s) ON CONFLICT (series) DO NOTHING

-- name: last_number
SELECT last FROM bill_series WHERE series = %(series)s FOR UPDATE

-- name: save_number
UPDATE bill_series SET last = %(last)s WHERE series = %(series)s

-- name: first_register
SELECT reading.at, reading.mantissa, reading.exponent
FROM meter
JOIN channel ON channel.meter_id = meter.id AND channel.obis = %(obis)s AND channel.kind = %(kind)s
JOIN reading ON reading.channel_id = channel.id AND reading.at >= %(since)s
WHERE meter.manufacturer || '/' || meter.serial = %(meter)s
ORDER BY reading.at, reading.revision DESC
LIMIT 1
