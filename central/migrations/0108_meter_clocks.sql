-- How gateways saw their meters' own clocks: wrong from one look on, until another one. Validation judges by it
-- the readings that the meter dated meanwhile.
CREATE TABLE meter_clock (
    meter_id bigint NOT NULL REFERENCES meter,
    -- When it was looked at, by the gateway's clock.
    at timestamptz NOT NULL,
    -- What it showed; NULL where no message can say that.
    own_at timestamptz,
    is_wrong boolean NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (meter_id, at)
);

INSERT INTO knowledge_rule (relation, kind, known) VALUES
('meter_clock', 'recorded', 'recorded_at <= as_of()');

INSERT INTO release_beside (version) VALUES (108);
