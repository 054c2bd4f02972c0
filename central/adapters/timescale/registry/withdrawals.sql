-- name: withdraw_agreement
UPDATE agreement SET withdrawn = during, during = 'empty'
FROM account, service, service_point
WHERE account.id = account_id AND service.id = service_id
    AND service_point.id = agreement.service_point_id
    AND account.number = %(account)s AND service_point.name = %(point)s
    AND service.name = %(service)s AND lower(during) = %(first)s

-- name: withdraw_installation
UPDATE installation SET withdrawn = during, during = 'empty'
FROM meter
WHERE meter.id = meter_id AND manufacturer = %(manufacturer)s AND serial = %(serial)s
    AND lower(during) = %(start)s

-- name: handed_over
-- The tariff whose names what an issued bill left until a day has, where it cannot go back to those
-- of its own.
SELECT part.closing ->> 'tariff'
FROM billed_period
JOIN settled_part AS part ON part.id = billed_period.part_id
JOIN bill ON bill.id = part.bill_id
JOIN agreement ON agreement.id = part.agreement_id
JOIN tariff ON tariff.id = agreement.tariff_id
WHERE billed_period.occupancy_id = %(occupancy)s AND billed_period.end_day = %(day)s
    AND bill.state = 'issued' AND NOT part.closing ? 'before'
    AND part.closing ->> 'tariff' <> tariff.name

-- name: not_issued
SELECT min(billed_period.first_day), max(billed_period.end_day)
FROM billed_period
LEFT JOIN bill_part ON bill_part.id = billed_period.part_id
LEFT JOIN bill ON bill.id = bill_part.bill_id
JOIN occupancy ON occupancy.id = billed_period.occupancy_id
JOIN service ON service.id = occupancy.service_id
JOIN service_point ON service_point.id = service.service_point_id
WHERE service_point.name = %(point)s
    AND billed_period.end_day > %(first)s
    AND (%(end)s::date IS NULL OR billed_period.first_day < %(end)s)
    AND billed_period.first_day IS NOT NULL AND NOT billed_period.settles
    AND bill.state IS DISTINCT FROM 'issued'

-- name: left_to_nobody
-- What is the own of an occupancy's account after all of its issued bills, where its other
-- occupancies are settled for good.
WITH other AS (
    SELECT occupancy.account_id, EXISTS (
        SELECT FROM billed_period
        JOIN bill_part ON bill_part.id = billed_period.part_id
        JOIN bill ON bill.id = bill_part.bill_id AND bill.state IN ('approved', 'issued')
        WHERE billed_period.occupancy_id = occupancy.id AND billed_period.settles
    ) AS settled
    FROM occupancy AS mine
    JOIN occupancy ON occupancy.account_id = mine.account_id AND occupancy.id <> mine.id
    WHERE mine.id = %(occupancy)s AND EXISTS (
        SELECT FROM agreement
        WHERE agreement.occupancy_id = occupancy.id AND agreement.withdrawn IS NULL
    )
)
SELECT own.closing
FROM (SELECT account_id FROM other GROUP BY account_id HAVING bool_and(settled)) AS settled
JOIN settled_state AS own ON own.account_id = settled.account_id
JOIN live_part ON live_part.id = own.part_id AND live_part.state = 'issued'
ORDER BY own.place DESC LIMIT 1
