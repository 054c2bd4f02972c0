-- What somebody decided about days that no claim can hold (see claim_conflict), and pages of what a
-- run left out.
CREATE TABLE claim_decision (
    conflict_id bigint PRIMARY KEY REFERENCES claim_conflict,
    decision text NOT NULL CHECK (decision IN ('leave', 'settle')),
    reason text NOT NULL CHECK (reason <> ''),
    actor text NOT NULL,
    decided_at timestamptz NOT NULL
);

-- What a run left out is read a page at a time, in the order in which it was noted.
ALTER TABLE run_note ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY;
CREATE UNIQUE INDEX run_note_in_order ON run_note (run_id, id);
