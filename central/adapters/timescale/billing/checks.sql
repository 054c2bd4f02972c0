-- name: history
-- Live earlier parts of the occupancies of parts, by claims: what was cancelled has none.
SELECT
    asked.number - 1, part.first_day, part.end_day, part.used, part.intervals, part.estimated,
    part.use_unit
FROM unnest(%(occupancies)s::bigint[], %(firsts)s::date[])
    WITH ORDINALITY AS asked (occupancy_id, first_day, number)
JOIN billed_period ON billed_period.occupancy_id = asked.occupancy_id
    AND billed_period.end_day > asked.first_day - %(days)s::integer
    AND billed_period.end_day <= asked.first_day
    AND NOT billed_period.settles
JOIN bill_part AS part ON part.id = billed_period.part_id
    AND part.first_day = billed_period.first_day AND part.used IS NOT NULL
JOIN bill ON bill.id = part.bill_id AND bill.state <> 'held'
ORDER BY asked.number, part.first_day

-- name: billed_parts
SELECT
    part.id, account.number || '/' || bill.cycle, part.occupancy_id, agreement.service_point_id,
    part.first_day, part.end_day, part.used, part.intervals, part.estimated, part.use_unit,
    service_point.name, tariff.name, bill.currency, bill.total,
    bill.total + coalesce((bill.document ->> 'settled')::numeric, 0),
    part.id = (SELECT min(id) FROM bill_part WHERE bill_id = bill.id),
    part.first_day = (
        SELECT min(lower(during)) FROM agreement AS first
        WHERE first.occupancy_id = part.occupancy_id
    ),
    (
        SELECT said.value -> 'reads' FROM jsonb_array_elements(bill.document -> 'supplies') AS said
        WHERE said.value ->> 'service_point' = service_point.name
            AND said.value ->> 'first' = part.first_day::text
        LIMIT 1
    )
FROM bill_part AS part
JOIN bill ON bill.id = part.bill_id AND bill.state <> 'discarded' AND bill.cancels IS NULL
JOIN account ON account.id = bill.account_id
JOIN agreement ON agreement.id = part.agreement_id
JOIN service_point ON service_point.id = agreement.service_point_id
JOIN tariff ON tariff.id = agreement.tariff_id
WHERE part.id > %(after)s AND part.end_day > %(first)s AND part.end_day <= %(end)s
    AND NOT part.settles AND bill.total IS NOT NULL
    AND NOT EXISTS (SELECT FROM cancelled_part WHERE cancelled_part.part_id = part.id)
ORDER BY part.id
LIMIT %(limit)s

-- name: policies
SELECT class_name, version, effective, document FROM class_policy
WHERE of = 'bill' AND effective <= %(last)s

-- name: groups
SELECT service_point.name, named_group.name, group_member.from_day, group_member.end_day
FROM group_member
JOIN named_group ON named_group.id = group_member.group_id
JOIN service_point ON service_point.id = group_member.service_point_id
WHERE group_member.of = 'point' AND group_member.service_point_id = ANY(%(points)s)
    AND named_group.name = ANY(%(names)s)

-- name: released
SELECT bill_id, code, encode(content_sha256, 'hex') FROM bill_hold_release
WHERE bill_id = ANY(%(bills)s)
