-- What each part of a bill used, so that checks of later bills have the earlier ones in one statement;
-- and who let a bill go on that a check holds.
ALTER TABLE bill_part
ADD COLUMN used numeric,
ADD COLUMN use_unit text CHECK (use_unit IN ('kWh', 'm3')),
ADD COLUMN intervals integer CHECK (intervals >= 0),
ADD COLUMN estimated integer CHECK (estimated BETWEEN 0 AND intervals),
ADD CHECK ((used IS NULL) = (use_unit IS NULL));

-- Bills of earlier releases know their electricity alone, and of several parts only the sum.
ALTER TABLE bill_part DISABLE TRIGGER USER;
UPDATE bill_part SET used = bill.validated_kwh, use_unit = 'kWh'
FROM bill
WHERE bill.id = bill_part.bill_id AND bill.validated_kwh > 0 AND NOT bill_part.settles
    AND NOT EXISTS (
        SELECT FROM bill_part AS other
        WHERE other.bill_id = bill_part.bill_id AND other.id <> bill_part.id
    );
ALTER TABLE bill_part ENABLE TRIGGER USER;

-- A reason of a check, released by a person for what the bill says: where it says something else, it is
-- asked again.
CREATE TABLE bill_hold_release (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    bill_id bigint NOT NULL REFERENCES bill,
    code text NOT NULL CHECK (code <> ''),
    -- Over all that the bill says but its reasons.
    content_sha256 bytea NOT NULL CHECK (length(content_sha256) = 32),
    reason_code text NOT NULL CHECK (reason_code <> ''),
    reason text NOT NULL CHECK (reason <> ''),
    recorded_by text NOT NULL CHECK (recorded_by <> ''),
    recorded_at timestamptz NOT NULL,
    UNIQUE (bill_id, code, content_sha256)
);

CREATE VIEW contributor_releaser AS
SELECT bill_id, recorded_by AS actor, 'released a reason that held it' AS what
FROM bill_hold_release;
SELECT unite_contributors();

INSERT INTO knowledge_rule (relation, kind, known) VALUES
('bill_hold_release', 'recorded', 'recorded_at <= as_of()');
