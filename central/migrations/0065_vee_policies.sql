-- What judges the days of a class of channels, otherwise than by default, in versions; and the times in
-- which rules are suspended for a group of points. Both are never changed: a storm's earlier or later end
-- is a row of its own.
CREATE TABLE vee_policy (
    -- A default class, such as electricity, or the name of a group of points.
    class_name text NOT NULL CHECK (class_name <> ''),
    version integer NOT NULL CHECK (version > 0),
    -- The first local day that it judges.
    effective date NOT NULL,
    document jsonb NOT NULL,
    reason text NOT NULL CHECK (reason <> ''),
    recorded_by text NOT NULL CHECK (recorded_by <> ''),
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (class_name, version)
);

CREATE TABLE storm (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    group_id bigint NOT NULL,
    of text NOT NULL DEFAULT 'point' CHECK (of = 'point'),
    from_at timestamptz NOT NULL,
    -- NULL while its end is not known.
    until_at timestamptz,
    rules text [] NOT NULL CHECK (cardinality(rules) > 0),
    reason text NOT NULL CHECK (reason <> ''),
    recorded_by text NOT NULL CHECK (recorded_by <> ''),
    recorded_at timestamptz NOT NULL,
    FOREIGN KEY (group_id, of) REFERENCES named_group (id, of),
    CHECK (from_at < until_at)
);

CREATE TABLE storm_end (
    storm_id bigint NOT NULL REFERENCES storm,
    revision integer NOT NULL CHECK (revision > 0),
    until_at timestamptz NOT NULL,
    reason text NOT NULL CHECK (reason <> ''),
    recorded_by text NOT NULL CHECK (recorded_by <> ''),
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (storm_id, revision)
);

INSERT INTO knowledge_rule (relation, kind, known) VALUES
('vee_policy', 'recorded', 'recorded_at <= as_of()'),
('storm', 'recorded', 'recorded_at <= as_of()'),
('storm_end', 'recorded', 'recorded_at <= as_of()');
