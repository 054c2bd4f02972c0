-- As before, with whoever closed a finding of ingest that held the bill: batches that never arrived, of
-- a gateway of its meters, where not every interval of its days is metered.
CREATE OR REPLACE FUNCTION bill_contributors(wanted bigint) RETURNS TABLE (actor text, what text)
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
WITH part AS (
    SELECT
        agreement.service_point_id, bill_part.first_day, bill_part.end_day,
        bill_part.not_metered IS NOT FALSE AND NOT bill_part.settles AS not_metered
    FROM bill_part JOIN agreement ON agreement.id = bill_part.agreement_id
    WHERE bill_part.bill_id = wanted
), channel_days AS (
    SELECT point_channel.id, part.first_day, part.end_day
    FROM part JOIN point_channel ON point_channel.service_point_id = part.service_point_id
)
SELECT bill.creator, 'made it' FROM bill WHERE bill.id = wanted
UNION ALL
SELECT unnest(bill.contributors), 'ran it again' FROM bill WHERE bill.id = wanted
UNION ALL
SELECT bill_run_starter.actor, 'started its run'
FROM bill JOIN bill_run_starter ON bill_run_starter.run_id = bill.run_id
WHERE bill.id = wanted
UNION ALL
SELECT day_block.actor, 'edited its days'
FROM channel_days JOIN day_block ON day_block.channel_id = channel_days.id
    AND day_block.day >= channel_days.first_day AND day_block.day < channel_days.end_day
    AND day_block.actor NOT IN ('job:validate', 'vee')
UNION ALL
SELECT vee_finding.accepted_by, 'accepted a finding of its days'
FROM channel_days JOIN vee_finding ON vee_finding.channel_id = channel_days.id
    AND vee_finding.day >= channel_days.first_day AND vee_finding.day < channel_days.end_day
    AND vee_finding.accepted_by IS NOT NULL
UNION ALL
SELECT conflict.decided_by, 'decided a conflict of its readings'
FROM part
JOIN installation ON installation.service_point_id = part.service_point_id
JOIN channel ON channel.meter_id = installation.meter_id
JOIN conflict ON conflict.channel_id = channel.id AND conflict.decided_by IS NOT NULL
    AND conflict.at >= lower(installation.during)
    AND conflict.at <= coalesce(upper(installation.during), 'infinity')
    AND conflict.at >= (part.first_day - 1)::timestamp AT TIME ZONE 'UTC'
    AND conflict.at < (part.end_day + 1)::timestamp AT TIME ZONE 'UTC'
UNION ALL
-- A finding that was open while days of the part went by, or after, and held it.
SELECT finding.closed_by, 'answered for what its gateway never sent'
FROM part
JOIN installation ON installation.service_point_id = part.service_point_id
    AND installation.during && tstzrange(
        (part.first_day - 1)::timestamp AT TIME ZONE 'UTC',
        (part.end_day + 1)::timestamp AT TIME ZONE 'UTC'
    )
JOIN meter ON meter.id = installation.meter_id
JOIN finding ON finding.gateway_id = meter.gateway_id
    AND finding.code IN ('LOST_RANGE', 'GAP', 'VOID_BATCH', 'QUARANTINE')
    AND finding.closed_by NOT LIKE 'job:%'
    AND finding.closed_at >= (part.first_day - 1)::timestamp AT TIME ZONE 'UTC'
WHERE part.not_metered
UNION ALL
SELECT ledger_entry.actor, 'posted money that it consumes'
FROM ledger_use JOIN ledger_entry ON ledger_entry.id = ledger_use.entry_id
WHERE ledger_use.bill_id = wanted AND ledger_use.part_id IS NOT NULL
$$;
