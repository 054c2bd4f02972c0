-- What days that no issued bill says come to, by charge. The newest of an occupancy, and of its day,
-- counts; days outside of the newest span are billed by now.
CREATE TABLE unbilled_span (
    occupancy_id bigint NOT NULL REFERENCES occupancy,
    recorded_at timestamptz NOT NULL,
    first_day date NOT NULL,
    -- The day after the last; the first where nothing is left.
    end_day date NOT NULL CHECK (end_day >= first_day),
    currency text NOT NULL,
    amount numeric NOT NULL,
    -- Codes of what would hold the bill.
    holds text [] NOT NULL,
    PRIMARY KEY (occupancy_id, recorded_at)
);
CREATE TABLE unbilled_day (
    occupancy_id bigint NOT NULL REFERENCES occupancy,
    day date NOT NULL,
    recorded_at timestamptz NOT NULL,
    amount numeric NOT NULL,
    -- Amount by the id of the charge, tax or rider.
    charges jsonb NOT NULL,
    PRIMARY KEY (occupancy_id, day, recorded_at)
);

-- What accounts were when they were rated last: revisions, closed days, issued bills.
CREATE TABLE unbilled_stamp (
    account_id bigint PRIMARY KEY REFERENCES account,
    stamp text NOT NULL,
    -- Series that were read.
    series text [] NOT NULL,
    rated_at timestamptz NOT NULL
);

INSERT INTO knowledge_rule (relation, kind, known) VALUES
('unbilled_span', 'recorded', 'recorded_at <= as_of()'),
('unbilled_day', 'recorded', 'recorded_at <= as_of()');

INSERT INTO release_beside (version) VALUES (84);
