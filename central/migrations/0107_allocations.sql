-- What a channel counts is shared out to channels of other points, by dated coefficients. A channel that has a
-- share counts nothing by itself: its days follow from those of its source, whose lock guards both.
CREATE TABLE allocated_channel (
    channel_id bigint PRIMARY KEY REFERENCES point_channel,
    source_id bigint NOT NULL REFERENCES point_channel,
    recorded_at timestamptz NOT NULL,
    CHECK (channel_id <> source_id)
);
CREATE INDEX allocated_channel_source ON allocated_channel (source_id);

CREATE TABLE allocation (
    source_id bigint NOT NULL REFERENCES point_channel,
    -- The first local day that it shares out.
    effective date NOT NULL,
    revision integer NOT NULL CHECK (revision > 0),
    -- [[channel, share as text], ...] in the order of the document; they sum to one, or nothing is shared out.
    shares jsonb NOT NULL,
    -- Which of them has what the others leave.
    remainder_id bigint REFERENCES point_channel,
    withdrawn boolean NOT NULL DEFAULT false,
    reason text NOT NULL CHECK (reason <> ''),
    recorded_by text NOT NULL CHECK (recorded_by <> ''),
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (source_id, effective, revision)
);

INSERT INTO knowledge_rule (relation, kind, known) VALUES
('allocated_channel', 'recorded', 'recorded_at <= as_of()'),
('allocation', 'recorded', 'recorded_at <= as_of()');

-- Who entered the coefficients of a part's days since they began, and who decided about readings and
-- findings of the channel that they share out. Who edited its days has a hand in the shares' own.
CREATE VIEW contributor_allocation AS
SELECT part.bill_id, allocation.recorded_by AS actor, 'entered shares of its days' AS what
FROM contributing_part AS part
JOIN point_channel ON point_channel.service_point_id = part.service_point_id
JOIN allocated_channel ON allocated_channel.channel_id = point_channel.id
JOIN allocation ON allocation.source_id = allocated_channel.source_id
    AND allocation.effective < part.end_day AND allocation.recorded_at >= part.begins_at
UNION ALL
SELECT part.bill_id, vee_finding.accepted_by, 'accepted a finding of what its days share in'
FROM contributing_part AS part
JOIN point_channel ON point_channel.service_point_id = part.service_point_id
JOIN allocated_channel ON allocated_channel.channel_id = point_channel.id
JOIN vee_finding ON vee_finding.channel_id = allocated_channel.source_id
    AND vee_finding.day >= part.first_day AND vee_finding.day < part.end_day
    AND vee_finding.accepted_by IS NOT NULL
UNION ALL
SELECT part.bill_id, conflict.decided_by, 'decided a conflict of what its days share in'
FROM contributing_part AS part
JOIN point_channel ON point_channel.service_point_id = part.service_point_id
JOIN allocated_channel ON allocated_channel.channel_id = point_channel.id
JOIN point_channel AS source ON source.id = allocated_channel.source_id
JOIN installation ON installation.service_point_id = source.service_point_id
JOIN channel ON channel.meter_id = installation.meter_id AND channel.obis = source.obis
JOIN conflict ON conflict.channel_id = channel.id AND conflict.decided_by IS NOT NULL
    AND conflict.at >= lower(installation.during)
    AND conflict.at <= coalesce(upper(installation.during), 'infinity')
    AND conflict.at >= part.begins_at AND conflict.at < part.ends_at;
SELECT unite_contributors();
