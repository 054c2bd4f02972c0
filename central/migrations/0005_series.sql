-- Prices and factors per step of time, which tariffs name. What is known of a UTC day is one row; a
-- correction is the next version.
CREATE TABLE series (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (name <> ''),
    -- When it was last changed; locked while it is.
    changed_at timestamptz
);

-- A mantissa for every step of the day; NULL where it is not known.
CREATE TABLE series_day (
    series_id bigint NOT NULL REFERENCES series,
    day date NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    step_s integer NOT NULL CHECK (step_s > 0),
    exponent smallint NOT NULL,
    mantissas bigint [] NOT NULL CHECK (step_s * cardinality(mantissas) = 86400),
    made_at timestamptz NOT NULL,
    actor text NOT NULL,
    reason text,
    PRIMARY KEY (series_id, day, version)
);
