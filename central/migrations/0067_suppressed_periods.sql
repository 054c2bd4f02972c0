-- Days of an occupancy that are not billed by decision. They hold their claim, which names the part
-- before them, so that what comes behind opens with what that left.
CREATE TABLE suppressed_period (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid uuid NOT NULL UNIQUE,
    occupancy_id bigint NOT NULL REFERENCES occupancy,
    first_day date NOT NULL,
    end_day date NOT NULL,
    reason text NOT NULL CHECK (reason <> ''),
    decided_by text NOT NULL CHECK (decided_by <> ''),
    decided_at timestamptz NOT NULL,
    -- NULL while it holds.
    lifted_by text,
    lifted_at timestamptz,
    lift_reason text,
    CHECK (first_day < end_day),
    CHECK (num_nulls(lifted_by, lifted_at, lift_reason) IN (0, 3))
);
CREATE UNIQUE INDEX suppressed_period_holds ON suppressed_period (occupancy_id, first_day)
WHERE lifted_at IS NULL;

INSERT INTO knowledge_rule (relation, kind, watched) VALUES
('suppressed_period', 'kept', '{lifted_by,lifted_at,lift_reason}');
