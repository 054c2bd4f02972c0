-- Subjects whose events belong to nobody wait in the queue of exceptions: one row opens with the first
-- such event, and closes with the last, by an assignment or because events are cancelled.
--
-- Processes of the release before know no such kind, so they do not work beside this.
CREATE TABLE subject_waiting (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject_id bigint NOT NULL REFERENCES usage_subject,
    opened_at timestamptz NOT NULL,
    closed_at timestamptz
);
CREATE UNIQUE INDEX subject_waiting_open ON subject_waiting (subject_id) WHERE closed_at IS NULL;
CREATE INDEX subject_waiting_since ON subject_waiting (opened_at, id) WHERE closed_at IS NULL;

-- When a subject belongs to nobody: before all that is said of it, and where just that is said.
CREATE VIEW subject_gap AS
SELECT subject_id, from_at, until_at FROM subject_span WHERE service_point_id IS NULL
UNION ALL
SELECT
    usage_subject.id, '-infinity', coalesce(
        (SELECT min(from_at) FROM subject_span WHERE subject_span.subject_id = usage_subject.id),
        'infinity'
    )
FROM usage_subject;

-- Events that count and belong to nobody. To be asked for of one subject.
CREATE VIEW waiting_event AS
SELECT event.subject_id, event.at, event.source_id, event.event_id, event.type_id, event.value
FROM subject_gap AS gap
JOIN usage_event AS event ON event.subject_id = gap.subject_id
    AND event.at >= gap.from_at AND event.at < gap.until_at
WHERE NOT event.cancelled AND NOT EXISTS (
    SELECT FROM usage_event_key AS newer
    WHERE newer.version > 1 AND newer.source_id = event.source_id
        AND newer.event_id = event.event_id AND newer.version > event.version
);

INSERT INTO subject_waiting (subject_id, opened_at)
SELECT usage_subject.id, since.at
FROM usage_subject
CROSS JOIN LATERAL (
    SELECT min(usage_receipt.recorded_at) AS at
    FROM waiting_event AS event
    JOIN usage_event_key AS known ON known.source_id = event.source_id
        AND known.event_id = event.event_id
    JOIN usage_receipt ON usage_receipt.id = known.receipt_id
    WHERE event.subject_id = usage_subject.id
) AS since
WHERE since.at IS NOT NULL
ORDER BY usage_subject.id;

ALTER TABLE exception_owner DROP CONSTRAINT exception_owner_kind_check;
ALTER TABLE exception_owner ADD CONSTRAINT exception_owner_kind_check CHECK (kind IN (
    'bill', 'candidate', 'conflict', 'finding', 'meter', 'quarantine', 'report', 'subject'
)) NOT VALID;

-- As before, and subjects.
CREATE OR REPLACE VIEW exception AS
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
WHERE NOT meter_seen.installed
UNION ALL
SELECT
    'subject', waiting.id, 'warning', waiting.opened_at, usage_subject.name,
    'EVENTS_WITHOUT_POINT', 'Usage events name a subject that belongs to no service point.'
FROM subject_waiting AS waiting
JOIN usage_subject ON usage_subject.id = waiting.subject_id
WHERE waiting.closed_at IS NULL;

-- As before, and subjects.
CREATE OR REPLACE FUNCTION notice_of_exception() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    letters constant jsonb := '{"bill": "b", "candidate": "d", "conflict": "c", "finding": "v",
        "meter": "m", "quarantine": "q", "report": "i", "subject": "s"}';
BEGIN
    IF notice_wanted('exception.opened') THEN
        INSERT INTO notice (kind, at, subject, facts)
        SELECT 'exception.opened', exception.raised_at, exception.subject, jsonb_build_object(
            'exception', (letters ->> exception.kind) || exception.number, 'kind', exception.kind,
            'severity', exception.severity, 'subject', exception.subject, 'code', exception.code,
            'message', exception.message
        )
        FROM exception
        WHERE exception.kind = TG_ARGV[0]
            AND exception.number = (to_jsonb(NEW) ->> TG_ARGV[1])::bigint;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER subject_waiting_notice AFTER INSERT ON subject_waiting FOR EACH ROW
EXECUTE FUNCTION notice_of_exception('subject', 'id');

INSERT INTO knowledge_rule (relation, kind, known, masked) VALUES (
    'subject_waiting', 'recorded', 'opened_at <= as_of()',
    '{"closed_at": "CASE WHEN closed_at <= as_of() THEN closed_at END"}'
);
