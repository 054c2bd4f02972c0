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
