-- How far back issued bills may be corrected, and what is too little: what the law of a place says, of
-- everybody or of a named group. Of a scope and a day the newest revision holds.
CREATE TABLE correction_limit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- NULL for everybody.
    group_id bigint REFERENCES named_group,
    effective date NOT NULL,
    revision integer NOT NULL CHECK (revision > 0),
    -- NULL for however far. [months]
    charge_months integer CHECK (charge_months >= 0),
    credit_months integer CHECK (credit_months >= 0),
    smallest numeric CHECK (smallest > 0),
    currency text CHECK (currency ~ '^[A-Z]{3}$'),
    -- Where it stands, such as a law and its article.
    source text NOT NULL CHECK (source <> ''),
    reason text NOT NULL CHECK (reason <> ''),
    actor text NOT NULL CHECK (actor <> ''),
    recorded_at timestamptz NOT NULL,
    UNIQUE NULLS NOT DISTINCT (group_id, effective, revision),
    CHECK ((smallest IS NULL) = (currency IS NULL))
);
