-- Rules by which a small difference of issued bills settles itself: versions that one person entered and
-- another approved. Of a name the newest approved version is in force, unless it was withdrawn.
CREATE TABLE correction_rule (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9-]{0,39}$'),
    version integer NOT NULL CHECK (version > 0),
    way text NOT NULL CHECK (way IN ('adjust', 'leave')),
    amount numeric NOT NULL CHECK (amount > 0),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    days integer NOT NULL CHECK (days > 0),
    reason text NOT NULL CHECK (reason <> ''),
    entered_by text NOT NULL CHECK (entered_by <> ''),
    entered_at timestamptz NOT NULL,
    approved_by text,
    approved_at timestamptz,
    withdrawn_by text,
    withdrawn_at timestamptz,
    UNIQUE (name, version),
    CHECK ((approved_by IS NULL) = (approved_at IS NULL)),
    CHECK ((withdrawn_by IS NULL) = (withdrawn_at IS NULL)),
    CONSTRAINT correction_rule_needs_four_eyes CHECK (approved_by <> entered_by)
);

CREATE VIEW correction_rule_in_force AS
SELECT * FROM (
    SELECT DISTINCT ON (name) * FROM correction_rule
    WHERE approved_by IS NOT NULL
    ORDER BY name, version DESC
) AS newest
WHERE withdrawn_by IS NULL;

-- What a rule decides it approves as well; two persons stand behind it.
ALTER TABLE correction
ADD COLUMN rule_id bigint REFERENCES correction_rule,
DROP CONSTRAINT correction_needs_four_eyes,
ADD CONSTRAINT correction_needs_four_eyes CHECK (approved_by <> decided_by OR rule_id IS NOT NULL);
