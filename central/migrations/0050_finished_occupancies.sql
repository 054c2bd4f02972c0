-- Occupancies that have ended and leave nothing that a bill would settle, as a run found them. None
-- looks at them again until what is left, or something of the account, is another.
CREATE TABLE finished_occupancy (
    occupancy_id bigint PRIMARY KEY REFERENCES occupancy (id),
    closing_sha256 bytea,
    own_sha256 bytea,
    account_revision bigint NOT NULL,
    found_at timestamptz NOT NULL
);

-- What is left of occupancies all of whose days are issued, or were billed by another system, and that
-- no bill settles: of themselves, and of their account's own.
CREATE VIEW left_of_occupancy AS
SELECT
    occupancy.id, occupancy.account_id, occupancy.ended_on, part.closing_sha256, part.closing,
    own.closing_sha256 AS own_sha256, own.closing AS own_closing, account.input_revision
FROM occupancy
JOIN account ON account.id = occupancy.account_id
JOIN billed_period ON billed_period.occupancy_id = occupancy.id
    AND billed_period.end_day = occupancy.ended_on
LEFT JOIN settled_part AS part ON part.id = billed_period.part_id
LEFT JOIN bill ON bill.id = part.bill_id
LEFT JOIN LATERAL (
    SELECT settled_state.closing_sha256, settled_state.closing
    FROM settled_state JOIN live_part ON live_part.id = settled_state.part_id
    WHERE settled_state.account_id = occupancy.account_id
    ORDER BY settled_state.place DESC LIMIT 1
) AS own ON true
WHERE (bill.state = 'issued' OR billed_period.opening IS NOT NULL)
    AND NOT EXISTS (
        SELECT FROM billed_period AS settling
        WHERE settling.occupancy_id = occupancy.id AND settling.settles
    );

-- Those of which something may be to settle: what is left is not nothing, and no run has found that it
-- comes to that.
CREATE VIEW unsettled_occupancy AS
SELECT id, account_id, ended_on
FROM left_of_occupancy AS remaining
WHERE (
    closing IS DISTINCT FROM '{"peaks": [], "credits": [], "sums": []}'
    OR own_closing <> '{"peaks": [], "credits": [], "sums": []}'
) AND NOT EXISTS (
    SELECT FROM finished_occupancy AS finished
    WHERE finished.occupancy_id = remaining.id
        AND finished.closing_sha256 IS NOT DISTINCT FROM remaining.closing_sha256
        AND finished.own_sha256 IS NOT DISTINCT FROM remaining.own_sha256
        AND finished.account_revision = remaining.input_revision
);
