-- name: billed_before
-- Where there are limits, the parts of cancelled bills that billed days of some parts, the latest first.
SELECT asked.number, before.bill_id, before.id
FROM unnest(
    %(numbers)s::integer[], %(occupancies)s::bigint[], %(firsts)s::date[], %(ends)s::date[],
    %(settling)s::boolean[]
) AS asked (number, occupancy_id, first_day, end_day, settles)
JOIN bill_part AS before ON before.occupancy_id = asked.occupancy_id
    AND before.settles = asked.settles
    AND before.first_day < asked.end_day AND before.end_day > asked.first_day
JOIN cancelled_part ON cancelled_part.part_id = before.id
WHERE EXISTS (SELECT FROM correction_limit)
ORDER BY asked.number, before.id DESC
