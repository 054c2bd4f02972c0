-- name: run
SELECT id FROM bill_run
WHERE uid = %(uid)s OR (cycle = %(cycle)s AND run_type = 'regular' AND scope = '{}')
ORDER BY id LIMIT 1

-- name: days_of_run
SELECT agreement.service_id, bill_part.first_day, bill_part.end_day
FROM bill
JOIN live_part AS bill_part ON bill_part.bill_id = bill.id
JOIN agreement ON agreement.id = bill_part.agreement_id
WHERE bill.run_id = %(run)s AND bill.state <> 'discarded' AND NOT bill_part.settles

-- name: tariff
SELECT id FROM tariff WHERE name = %(name)s

-- name: days_of_tariff
SELECT
    service_id, lower(during * daterange(%(first)s, %(end)s)),
    upper(during * daterange(%(first)s, %(end)s))
FROM agreement
WHERE tariff_id = %(tariff)s AND during && daterange(%(first)s, %(end)s)

-- name: group
SELECT id FROM named_group WHERE name = %(name)s

-- name: days_of_group
-- Of a point all its services; of an account the days of its agreements.
SELECT service.id, greatest(member.from_day, %(first)s::date), least(member.end_day, %(end)s::date)
FROM group_member AS member
JOIN service ON service.service_point_id = member.service_point_id
WHERE member.group_id = %(group)s
    AND member.from_day < %(end)s AND coalesce(member.end_day > %(first)s, true)
UNION ALL
SELECT agreement.service_id, lower(held.days), upper(held.days)
FROM group_member AS member
JOIN agreement ON agreement.account_id = member.account_id
CROSS JOIN LATERAL (
    SELECT
        agreement.during * daterange(member.from_day, member.end_day)
        * daterange(%(first)s, %(end)s) AS days
) AS held
WHERE member.group_id = %(group)s AND NOT isempty(held.days)

-- name: account
SELECT id FROM account WHERE number = %(number)s

-- name: days_of_account
SELECT
    service_id, lower(during * daterange(%(first)s, %(end)s)),
    upper(during * daterange(%(first)s, %(end)s))
FROM agreement
WHERE account_id = %(account)s AND during && daterange(%(first)s, %(end)s)

-- name: services
SELECT service.id, service_point.name, service.name, service_point.zone, service.day_start
FROM service JOIN service_point ON service_point.id = service.service_point_id
WHERE service.id > %(after)s AND (%(only)s::bigint[] IS NULL OR service.id = ANY(%(only)s))
ORDER BY service.id LIMIT %(limit)s

-- name: channels
SELECT service.id, point_channel.id, point_channel.obis
FROM service
JOIN point_channel ON point_channel.service_point_id = service.service_point_id
    AND (service.channels IS NULL OR point_channel.obis = ANY(service.channels))
WHERE service.id = ANY(%(services)s)
ORDER BY point_channel.id

-- name: not_served
-- With the day from which on it is shared out to others, who are billed for it.
SELECT point_channel.id, service_point.name, point_channel.obis, (
    SELECT min(allocation.effective) FROM allocation
    WHERE allocation.source_id = point_channel.id AND NOT EXISTS (
        SELECT FROM allocation AS newer
        WHERE newer.source_id = allocation.source_id AND newer.effective = allocation.effective
            AND newer.revision >= allocation.revision AND newer.withdrawn
    )
)
FROM point_channel
JOIN service_point ON service_point.id = point_channel.service_point_id
WHERE point_channel.id > %(after)s AND NOT EXISTS (
    SELECT FROM service
    WHERE service.service_point_id = point_channel.service_point_id
        AND (service.channels IS NULL OR point_channel.obis = ANY(service.channels))
)
ORDER BY point_channel.id LIMIT %(limit)s

-- name: occupancies
SELECT service_id, id, account_id, billing_from, ended_on
FROM occupancy WHERE service_id = ANY(%(services)s) ORDER BY id

-- name: agreed
SELECT service_id, lower(during), coalesce(upper(during), '9999-12-31'::date)
FROM agreement WHERE service_id = ANY(%(services)s) AND NOT isempty(during)

-- name: parts
-- By the bills of the accounts: parts have no way in by their agreement, and reading them all for each
-- few services would make a report quadratic.
SELECT
    coalesce(part.occupancy_id, agreement.occupancy_id), part.id, part.first_day, part.end_day,
    part.state, part.days_read,
    -- What settled it anew, and what leaves it as it is until one of its days is validated anew.
    adjusting.uid::text, adjusting.reason, leaving.uid::text, leaving.reason,
    -- What reached back too far, by the lines that take it off.
    coalesce(adjusting.uid, beyond.decision)::text, beyond.note, beyond.until
FROM (
    SELECT DISTINCT account_id FROM agreement WHERE service_id = ANY(%(services)s)
) AS payer
CROSS JOIN LATERAL (
    SELECT stamped_part.*, live_part.state
    FROM live_part JOIN stamped_part ON stamped_part.id = live_part.id
    WHERE live_part.account_id = payer.account_id AND NOT live_part.settles
        AND live_part.state <> 'discarded'
    OFFSET 0
) AS part
JOIN agreement ON agreement.id = part.agreement_id AND agreement.service_id = ANY(%(services)s)
LEFT JOIN settled_part ON settled_part.id = part.id
LEFT JOIN correction AS adjusting ON adjusting.id = settled_part.correction_id
LEFT JOIN LATERAL (
    SELECT correction_id, noted_at FROM settled_stamp
    WHERE settled_stamp.part_id = part.id ORDER BY number DESC LIMIT 1
) AS noted ON true
LEFT JOIN correction AS leaving ON leaving.id = noted.correction_id AND leaving.way = 'leave'
    AND NOT EXISTS (
        SELECT FROM point_channel
        JOIN day_block ON day_block.channel_id = point_channel.id
            AND day_block.day >= part.first_day AND day_block.day < part.end_day
            AND day_block.made_at > noted.noted_at
        WHERE point_channel.service_point_id = agreement.service_point_id
    )
LEFT JOIN settled_version AS newest
    ON newest.part_id = settled_part.id AND newest.version = settled_part.version
LEFT JOIN LATERAL (
    SELECT
        NULL::uuid AS decision, said.line ->> 'note' AS note,
        (said.line ->> 'end')::date AS until
    FROM jsonb_array_elements(newest.lines) AS said (line)
    WHERE said.line ->> 'id' = 'beyond-limit'
    UNION ALL
    SELECT bill.decision, said.lineage ->> 'note', (said.lineage ->> 'end')::date
    FROM bill_part AS numbered
    JOIN bill ON bill.id = numbered.bill_id
    JOIN bill_line AS said ON said.bill_id = numbered.bill_id
        AND said.number <@ numbered.line_numbers
    WHERE newest.part_id IS NULL AND numbered.id = part.id
        AND numbered.replaces_part IS NOT NULL AND said.lineage ->> 'id' = 'beyond-limit'
    LIMIT 1
) AS beyond ON true
ORDER BY part.id

-- name: claims
SELECT billed_period.occupancy_id, first_day, end_day, part_id
FROM billed_period JOIN occupancy ON occupancy.id = billed_period.occupancy_id
WHERE occupancy.service_id = ANY(%(services)s) AND first_day IS NOT NULL AND NOT settles
ORDER BY first_day

-- name: suppressed
SELECT suppressed.occupancy_id, first_day, end_day, suppressed.uid::text, suppressed.reason
FROM suppressed_period AS suppressed JOIN occupancy ON occupancy.id = suppressed.occupancy_id
WHERE occupancy.service_id = ANY(%(services)s) AND suppressed.lifted_at IS NULL
    AND (suppressed.approved_at IS NOT NULL OR NOT suppressed.proposed)
ORDER BY first_day

-- name: decided
SELECT
    claim_conflict.occupancy_id, claim_conflict.id, claim_conflict.first_day,
    claim_conflict.end_day, claim_conflict.part_id, claim_decision.decision, claim_decision.reason
FROM claim_decision
JOIN claim_conflict ON claim_conflict.id = claim_decision.conflict_id
JOIN occupancy ON occupancy.id = claim_conflict.occupancy_id
WHERE occupancy.service_id = ANY(%(services)s)
ORDER BY claim_conflict.id

-- name: validated
-- The newest blocks of each range, summed over days that lie end to end; one that was validated more
-- than once stands alone. What a block sums to stands beside it, so none is unpacked. The first and the
-- last day of all ranges let the plan leave months out.
SELECT
    number, min(day), max(day) + 1, unit, sum(intervals)::bigint, sum(missing)::bigint, sum(total),
    max(version)
FROM (
    SELECT
        wanted.number, block.day, block.version, block.missing, heading.unit, heading.intervals,
        block.total * ('1e' || heading.exponent)::numeric AS total,
        block.day - (row_number() OVER alike)::integer AS island
    FROM unnest(%(channels)s::bigint[], %(firsts)s::date[], %(ends)s::date[])
        WITH ORDINALITY AS wanted (channel_id, first_day, end_day, number)
    CROSS JOIN LATERAL (
        SELECT DISTINCT ON (day) day, version, heading_id, missing, total
        FROM day_block
        WHERE day_block.channel_id = wanted.channel_id
            AND day >= wanted.first_day AND day < wanted.end_day
            AND day >= %(first)s AND day < %(end)s
        ORDER BY day DESC, version DESC
    ) AS block
    JOIN block_heading AS heading ON heading.id = block.heading_id
    WINDOW alike AS (
        PARTITION BY wanted.number, heading.unit, block.version > 1 ORDER BY block.day
    )
) AS newest
GROUP BY number, unit, island, CASE WHEN version > 1 THEN day END
ORDER BY number, 2

-- name: perhaps_changed
-- Days that are validated anew since about the time of the bill that reads them. Which version a bill
-- read is in its lines, never told by time: so a day more does no harm.
SELECT wanted.part_id, wanted.channel_id, wanted.day, newest.version, bill.id
FROM unnest(%(channels)s::bigint[], %(days)s::date[], %(parts)s::bigint[])
    AS wanted (channel_id, day, part_id)
JOIN bill_part ON bill_part.id = wanted.part_id
JOIN bill ON bill.id = bill_part.bill_id
CROSS JOIN LATERAL (
    SELECT day_block.version, day_block.made_at FROM day_block
    WHERE day_block.channel_id = wanted.channel_id AND day_block.day = wanted.day
    ORDER BY day_block.version DESC LIMIT 1
) AS newest
WHERE newest.made_at > bill.made_at - interval '1 day'

-- name: lineages
-- Of parts that are settled anew the lines of the newest version.
SELECT bill_id, NULL::bigint, lineage FROM bill_line WHERE bill_id = ANY(%(bills)s::bigint[])
UNION ALL
SELECT newest.bill_id, newest.part_id, line.lineage
FROM (
    SELECT DISTINCT ON (part_id) bill_id, part_id, lines
    FROM settled_version WHERE bill_id = ANY(%(bills)s::bigint[])
    ORDER BY part_id, version DESC
) AS newest
CROSS JOIN jsonb_array_elements(newest.lines) AS line (lineage)

-- name: money
SELECT
    bill.currency, count(*), sum(bill.total),
    -- With the lines of credit notes of some of its parts. Settlements are no part of the total, but
    -- where a bill of an earlier release counts them in it.
    sum((
        SELECT coalesce(sum(bill_line.amount), 0)
        FROM (
            SELECT bill.id
            UNION ALL
            SELECT note.id FROM bill AS note
            WHERE note.cancels = bill.id AND note.state = 'issued'
        ) AS together
        JOIN bill AS saying ON saying.id = together.id
        JOIN bill_line ON bill_line.bill_id = saying.id
            AND (bill_line.kind <> 'settlement' OR NOT saying.document ? 'settled')
    ))
FROM live_bill AS bill
WHERE bill.state NOT IN ('held', 'discarded')
    AND (%(run)s::bigint IS NULL OR bill.run_id = %(run)s)
    AND (%(run)s::bigint IS NOT NULL OR bill.end_day > %(first)s AND bill.end_day <= %(end)s)
    AND (%(services)s::bigint[] IS NULL OR bill.id IN (
        SELECT bill_part.bill_id
        FROM unnest(%(services)s::bigint[], %(firsts)s::date[], %(ends)s::date[])
            AS among (service_id, first_day, end_day)
        JOIN agreement ON agreement.service_id = among.service_id
        JOIN bill AS theirs ON theirs.account_id = agreement.account_id
        JOIN live_part AS bill_part ON bill_part.bill_id = theirs.id
            AND bill_part.agreement_id = agreement.id
            -- What settles an end stands on the day after the last.
            AND bill_part.first_day - bill_part.settles::integer < among.end_day
            AND bill_part.end_day > among.first_day
    ))
GROUP BY bill.currency ORDER BY bill.currency

-- name: tallied
SELECT currency, sum(total) FROM bill_tally
WHERE run_id = %(run)s AND state NOT IN ('held', 'discarded', 'cancelled')
GROUP BY currency
