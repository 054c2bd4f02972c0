-- What changed at a service point in several steps that were done as one: a move-in, a move-out, an
-- exchange of meters, a change of agreement. It keeps what is needed to take it back.
CREATE TABLE move (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid uuid NOT NULL UNIQUE,
    kind text NOT NULL
    CHECK (kind IN ('move_in', 'move_out', 'meter_exchange', 'agreement_change')),
    service_point_id bigint NOT NULL REFERENCES service_point,
    -- NULL where no account moved.
    account_id bigint REFERENCES account,
    at timestamptz NOT NULL,
    asked jsonb NOT NULL,
    steps jsonb NOT NULL,
    reason text NOT NULL CHECK (reason <> ''),
    decided_by text NOT NULL CHECK (decided_by <> ''),
    decided_at timestamptz NOT NULL,
    -- NULL while it holds.
    undone_by text,
    undone_at timestamptz,
    undo_reason text,
    CHECK (num_nulls(undone_by, undone_at, undo_reason) IN (0, 3))
);
CREATE INDEX move_of_point ON move (service_point_id, id);
CREATE INDEX move_of_account ON move (account_id, id);

INSERT INTO knowledge_rule (relation, kind, watched) VALUES
('move', 'kept', '{undone_by,undone_at,undo_reason}');

INSERT INTO release_beside (version) VALUES (70);
