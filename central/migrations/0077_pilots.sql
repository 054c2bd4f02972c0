-- Pilots: what of a group's intervals two tariffs would charge, beside a control group. Nothing of
-- it is ever billed. A document has versions; a result is kept where it is another than the last.
CREATE TABLE pilot (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CHECK (name <> ''),
    version integer NOT NULL CHECK (version > 0),
    document jsonb NOT NULL,
    reason text NOT NULL CHECK (reason <> ''),
    decided_by text NOT NULL CHECK (decided_by <> ''),
    decided_at timestamptz NOT NULL,
    UNIQUE (name, version)
);
CREATE TABLE pilot_result (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pilot_id bigint NOT NULL REFERENCES pilot,
    run integer NOT NULL CHECK (run > 0),
    rows jsonb NOT NULL,
    made_by text NOT NULL CHECK (made_by <> ''),
    made_at timestamptz NOT NULL,
    UNIQUE (pilot_id, run)
);

INSERT INTO knowledge_rule (relation, kind, known) VALUES
('pilot', 'recorded', 'decided_at <= as_of()'),
('pilot_result', 'recorded', 'made_at <= as_of()');

INSERT INTO release_beside (version) VALUES (77);
