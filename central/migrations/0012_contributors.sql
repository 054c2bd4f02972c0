-- Whoever worked on a bill does not approve it: who made it, who ran it again, who edited its days,
-- who accepted its findings or decided its conflicts.
ALTER TABLE bill ADD COLUMN contributors text [] NOT NULL DEFAULT '{}';
ALTER TABLE bill DISABLE TRIGGER bill_guarded;
UPDATE bill SET contributors = ARRAY[creator];
ALTER TABLE bill ENABLE TRIGGER bill_guarded;

CREATE INDEX day_block_edited ON day_block (channel_id, day)
WHERE actor NOT IN ('job:validate', 'vee');
CREATE INDEX vee_finding_accepted ON vee_finding (channel_id, day) WHERE accepted_by IS NOT NULL;
CREATE INDEX conflict_decided ON conflict (channel_id, at) WHERE decided_by IS NOT NULL;

ALTER TABLE bill DROP CONSTRAINT bill_needs_four_eyes;
ALTER TABLE bill ADD CONSTRAINT bill_needs_four_eyes CHECK (
    state IN ('draft', 'held', 'discarded')
    OR (approver IS NOT NULL AND approver <> creator AND approver <> ALL(contributors))
);

-- The rows are those of the bill's parts: the days of their points. A conflict has an instant, so
-- one of the day before or after counts as well, whichever zone the point is in.
CREATE FUNCTION bill_contributors(wanted bigint) RETURNS TABLE (actor text, what text)
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
WITH part AS (
    SELECT agreement.service_point_id, bill_part.first_day, bill_part.end_day
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
$$;
