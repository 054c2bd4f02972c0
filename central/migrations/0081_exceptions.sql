-- What waits for a clerk, in one queue; who has it, until when, and until when it is hidden: rows are
-- only added, the newest revision counts.
CREATE TABLE exception_owner (
    kind text NOT NULL CHECK (kind IN (
        'bill', 'candidate', 'conflict', 'finding', 'meter', 'quarantine', 'report'
    )),
    number bigint NOT NULL,
    revision integer NOT NULL CHECK (revision > 0),
    -- NULL: nobody has it, no day is set, it is not hidden.
    owner text CHECK (owner <> ''),
    due_on date,
    hidden_until date,
    reason_code text NOT NULL CHECK (reason_code <> ''),
    reason text NOT NULL CHECK (reason <> ''),
    recorded_by text NOT NULL CHECK (recorded_by <> ''),
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (kind, number, revision)
);
CREATE INDEX exception_owner_of ON exception_owner (owner, kind, number);

CREATE INDEX vee_finding_waiting ON vee_finding (raised_at, id)
WHERE closed_at IS NULL AND accepted_by IS NULL AND severity <> 'info'
    AND code <> 'CONFLICTING_READINGS';
CREATE INDEX vee_finding_waiting_code ON vee_finding (code, raised_at, id)
WHERE closed_at IS NULL AND accepted_by IS NULL AND severity <> 'info'
    AND code <> 'CONFLICTING_READINGS';
CREATE INDEX vee_finding_waiting_severity ON vee_finding (severity, raised_at, id)
WHERE closed_at IS NULL AND accepted_by IS NULL AND severity <> 'info'
    AND code <> 'CONFLICTING_READINGS';
CREATE INDEX bill_held ON bill (made_at, id) WHERE state = 'held';
CREATE INDEX conflict_waiting ON conflict (found_at, id) WHERE decided_at IS NULL;
CREATE INDEX quarantine_waiting ON quarantine (quarantined_at, batch_id) WHERE released_at IS NULL;
CREATE INDEX correction_candidate_waiting ON correction_candidate (opened_at, id)
WHERE closed_at IS NULL;

-- (kind, number) is its key. A reading of two values is a conflict, so the finding of its day is none
-- beside it; a batch in quarantine likewise.
CREATE VIEW exception AS
SELECT
    'finding' AS kind, vee_finding.id AS number, vee_finding.severity, vee_finding.raised_at,
    service_point.name AS subject, vee_finding.code, vee_finding.message
FROM vee_finding
JOIN point_channel ON point_channel.id = vee_finding.channel_id
JOIN service_point ON service_point.id = point_channel.service_point_id
WHERE vee_finding.closed_at IS NULL AND vee_finding.accepted_by IS NULL
    AND vee_finding.severity <> 'info' AND vee_finding.code <> 'CONFLICTING_READINGS'
UNION ALL
SELECT
    'report', finding.id, CASE
        WHEN finding.code IN ('LOST_RANGE', 'GAP', 'VOID_BATCH') THEN 'critical' ELSE 'warning'
    END, finding.raised_at, coalesce(gateway.name, ''), finding.code, finding.message
FROM finding
LEFT JOIN gateway ON gateway.id = finding.gateway_id
WHERE finding.closed_at IS NULL AND finding.code <> 'QUARANTINE'
UNION ALL
SELECT
    'bill', bill.id, 'critical', bill.made_at, account.number || '/' || bill.cycle,
    bill.holds -> 0 ->> 'code', bill.holds -> 0 ->> 'message'
FROM bill
JOIN account ON account.id = bill.account_id
WHERE bill.state = 'held'
UNION ALL
SELECT
    'conflict', conflict.id, 'critical', conflict.found_at,
    meter.manufacturer || '/' || meter.serial, 'CONFLICTING_READINGS',
    'A reading has two different values; an operator must decide.'
FROM conflict
JOIN channel ON channel.id = conflict.channel_id
JOIN meter ON meter.id = channel.meter_id
WHERE conflict.decided_at IS NULL
UNION ALL
SELECT
    'quarantine', quarantine.batch_id, 'critical', quarantine.quarantined_at, gateway.name,
    quarantine.code, quarantine.message
FROM quarantine
JOIN batch ON batch.id = quarantine.batch_id
JOIN gateway ON gateway.id = batch.gateway_id
WHERE quarantine.released_at IS NULL
UNION ALL
SELECT
    'candidate', candidate.id, 'warning', candidate.opened_at, account.number,
    CASE WHEN candidate.hold IS NULL THEN 'CANDIDATE' ELSE 'CORRECTION_HELD' END,
    coalesce(candidate.hold ->> 'message', 'An issued bill would say something else today.')
FROM correction_candidate AS candidate
JOIN account ON account.id = candidate.account_id
WHERE candidate.closed_at IS NULL
UNION ALL
SELECT
    'meter', meter.id, 'warning', meter.first_seen_at, meter.manufacturer || '/' || meter.serial,
    'UNASSIGNED_METER', 'The meter sends readings and is installed at no service point.'
FROM meter_seen
JOIN meter ON meter.id = meter_seen.meter_id
WHERE NOT meter_seen.installed;

-- A reading that is ordered on site, for an exception of a point. The first reading of a meter there
-- since then closes it, so no row says that it is closed.
CREATE TABLE field_order (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid uuid NOT NULL UNIQUE,
    kind text NOT NULL CHECK (kind IN ('bill', 'conflict', 'finding')),
    number bigint NOT NULL,
    service_point_id bigint NOT NULL REFERENCES service_point,
    due_on date NOT NULL,
    reason_code text NOT NULL CHECK (reason_code <> ''),
    reason text NOT NULL CHECK (reason <> ''),
    recorded_by text NOT NULL CHECK (recorded_by <> ''),
    recorded_at timestamptz NOT NULL
);
CREATE INDEX field_order_due ON field_order (due_on, id);
CREATE INDEX field_order_of ON field_order (kind, number);

INSERT INTO knowledge_rule (relation, kind, known) VALUES
('exception_owner', 'recorded', 'recorded_at <= as_of()'),
('field_order', 'recorded', 'recorded_at <= as_of()');

INSERT INTO release_beside (version) VALUES (81);
