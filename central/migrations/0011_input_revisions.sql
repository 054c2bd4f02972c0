-- What bills are made from has a number that rises with every change of it, in the transaction of
-- the change. A part of a bill keeps the numbers that it was rated with.
ALTER TABLE service_point ADD COLUMN input_revision bigint NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN input_revision bigint NOT NULL DEFAULT 0;
ALTER TABLE tariff ADD COLUMN input_revision bigint NOT NULL DEFAULT 0;
ALTER TABLE series ADD COLUMN input_revision bigint NOT NULL DEFAULT 0;

-- What is the same for all bills: one row.
CREATE TABLE common_input (
    id integer PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    input_revision bigint NOT NULL DEFAULT 0
);
INSERT INTO common_input DEFAULT VALUES;

-- NULL where nobody knows, as in bills that an earlier release made: their inputs are compared.
ALTER TABLE bill_part ADD COLUMN point_revision bigint;
ALTER TABLE bill_part ADD COLUMN account_revision bigint;
ALTER TABLE bill_part ADD COLUMN tariff_revision bigint;
ALTER TABLE bill_part ADD COLUMN settings_revision bigint;
ALTER TABLE bill_part ADD COLUMN series_revisions jsonb;
