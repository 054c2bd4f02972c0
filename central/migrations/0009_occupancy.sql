-- What is sold where, who is there, and which days are billed: each day of an occupancy by one part.

-- What is sold at a point under one agreement at a time.
CREATE TABLE service (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid uuid NOT NULL UNIQUE,
    service_point_id bigint NOT NULL REFERENCES service_point,
    name text NOT NULL CHECK (name <> ''),
    -- The OBIS codes that it bills; NULL for all that the point counts.
    channels bytea [] CHECK (cardinality(channels) > 0),
    UNIQUE (service_point_id, name)
);

-- One account at one service, unbroken, over as many agreements as follow one another.
CREATE TABLE occupancy (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid uuid NOT NULL UNIQUE,
    account_id bigint NOT NULL REFERENCES account,
    service_id bigint NOT NULL REFERENCES service,
    -- The first day that is billed here.
    billing_from date NOT NULL,
    -- The day after the last; NULL while it lasts.
    ended_on date
);
CREATE INDEX occupancy_account ON occupancy (account_id);
CREATE INDEX occupancy_service ON occupancy (service_id);

-- The days that parts of bills claim. A claim begins where another ended, so that no day is claimed
-- twice and none is left out; the root, without a first day, ends where billing begins. Parts refer
-- to their claim by the application alone: a foreign key would ask once per row.
CREATE TABLE billed_period (
    occupancy_id bigint NOT NULL,
    first_day date,
    end_day date NOT NULL,
    -- NULL for the root, and where days were left out before there were claims.
    part_id bigint,
    -- What the root opens with, where another system billed before.
    opening jsonb,
    PRIMARY KEY (occupancy_id, end_day),
    UNIQUE NULLS NOT DISTINCT (occupancy_id, first_day),
    CONSTRAINT billed_period_chain
    FOREIGN KEY (occupancy_id, first_day) REFERENCES billed_period (occupancy_id, end_day),
    CHECK (first_day < end_day),
    CHECK (first_day IS NOT NULL OR part_id IS NULL)
);

-- Days of bills from before there were claims that no claim can hold, for somebody to decide.
CREATE TABLE claim_conflict (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    occupancy_id bigint NOT NULL,
    kind text NOT NULL CHECK (kind IN (
        'billed_twice', 'not_billed', 'before_first_bill', 'beyond_end', 'discarded'
    )),
    first_day date NOT NULL,
    end_day date NOT NULL,
    -- The part that says these days and does not claim them.
    part_id bigint,
    CHECK (first_day < end_day)
);

-- What a run says of accounts that it did not bill.
CREATE TABLE run_note (
    run_id bigint NOT NULL REFERENCES bill_run,
    account_id bigint NOT NULL,
    code text NOT NULL,
    service_point text NOT NULL,
    first_day date NOT NULL,
    end_day date NOT NULL,
    message text NOT NULL
);
CREATE INDEX run_note_of_account ON run_note (run_id, account_id);

ALTER TABLE agreement
ADD COLUMN service_id bigint REFERENCES service,
ADD COLUMN occupancy_id bigint REFERENCES occupancy,
-- As named: days before it were billed elsewhere.
ADD COLUMN billing_from date;

INSERT INTO service (uid, service_point_id, name)
SELECT
    gen_random_uuid(), point.id,
    CASE
        WHEN counted.unit IN ('Wh', 'varh', 'VAh') THEN 'electricity'
        WHEN get_byte(counted.obis, 0) = 7 THEN 'gas'
        WHEN get_byte(counted.obis, 0) IN (8, 9) THEN 'water'
        ELSE 'usage'
    END
FROM (SELECT DISTINCT service_point_id AS id FROM agreement) AS point
LEFT JOIN LATERAL (
    SELECT obis, unit FROM point_channel
    WHERE service_point_id = point.id
    ORDER BY point_channel.id LIMIT 1
) AS counted ON true
ORDER BY point.id;

UPDATE agreement SET service_id = service.id
FROM service WHERE service.service_point_id = agreement.service_point_id;

INSERT INTO occupancy (uid, account_id, service_id, billing_from, ended_on)
SELECT
    gen_random_uuid(), account_id, service_id, min(first),
    (array_agg(until ORDER BY first DESC))[1]
FROM (
    SELECT *, count(*) FILTER (WHERE begins) OVER (
        PARTITION BY account_id, service_id ORDER BY first
    ) AS island
    FROM (
        SELECT
            account_id, service_id, lower(during) AS first, upper(during) AS until,
            lower(during) IS DISTINCT FROM lag(upper(during)) OVER (
                PARTITION BY account_id, service_id ORDER BY lower(during)
            ) AS begins
        FROM agreement
    ) AS one
) AS numbered
GROUP BY account_id, service_id, island
ORDER BY account_id, min(first);

UPDATE agreement SET occupancy_id = occupancy.id
FROM occupancy
WHERE occupancy.account_id = agreement.account_id
    AND occupancy.service_id = agreement.service_id
    AND daterange(occupancy.billing_from, occupancy.ended_on) @> lower(agreement.during);

ALTER TABLE agreement
ALTER COLUMN service_id SET NOT NULL,
ALTER COLUMN occupancy_id SET NOT NULL,
DROP CONSTRAINT agreement_point_has_one_payer,
ADD CONSTRAINT agreement_service_has_one_payer EXCLUDE USING gist (
    int8range(service_id, service_id, '[]') WITH &&, during WITH &&
);

-- A part is what one agreement of an occupancy brings into a bill.
ALTER TABLE bill_part
DROP CONSTRAINT bill_part_pkey,
ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
ADD COLUMN occupancy_id bigint,
-- The part directly before, whose closing state it opened with; NULL at the root.
ADD COLUMN state_from bigint,
-- Hashes of the state at both ends; NULL where it was made before there were any.
ADD COLUMN opening_sha256 bytea CHECK (length(opening_sha256) = 32),
ADD COLUMN closing_sha256 bytea CHECK (length(closing_sha256) = 32);
DROP INDEX bill_part_agreement;
CREATE INDEX bill_part_of_bill ON bill_part (bill_id);

ALTER TABLE bill_part DISABLE TRIGGER bill_part_kept;
UPDATE bill_part SET occupancy_id = agreement.occupancy_id
FROM agreement WHERE agreement.id = bill_part.agreement_id;
ALTER TABLE bill_part ENABLE TRIGGER bill_part_kept;

-- The days of issued bills are claimed first, the earliest issued before the others; of the rest, a
-- bill that says a day again is discarded.
CREATE TEMPORARY TABLE taken (occupancy_id bigint, days daterange, part_id bigint) ON COMMIT DROP;
CREATE INDEX taken_days ON taken (occupancy_id);

DO $$
DECLARE
    one record;
    others datemultirange;
BEGIN
    FOR one IN
        SELECT
            bill_part.id, bill_part.occupancy_id, bill.id AS bill_id, bill.state,
            daterange(bill_part.first_day, bill_part.end_day) AS days,
            row_number() OVER (PARTITION BY bill.id ORDER BY bill_part.id) = 1 AS begins
        FROM bill_part JOIN bill ON bill.id = bill_part.bill_id
        WHERE bill.state <> 'discarded' AND bill.cancels IS NULL
            AND NOT EXISTS (SELECT FROM bill AS later WHERE later.cancels = bill.id)
        ORDER BY
            bill.state <> 'issued', bill.issued_at, bill.state <> 'approved', bill.id, bill_part.id
    LOOP
        IF one.state = 'issued' THEN
            SELECT coalesce(range_agg(taken.days), '{}') INTO others
            FROM taken WHERE taken.occupancy_id = one.occupancy_id;
            INSERT INTO taken
            SELECT one.occupancy_id, unnest(datemultirange(one.days) - others), one.id;
            INSERT INTO claim_conflict (occupancy_id, kind, first_day, end_day, part_id)
            SELECT one.occupancy_id, 'billed_twice', lower(again), upper(again), one.id
            FROM unnest(datemultirange(one.days) * others) AS again;
        ELSIF one.begins THEN
            IF EXISTS (
                SELECT FROM bill_part
                JOIN taken ON taken.occupancy_id = bill_part.occupancy_id
                    AND taken.days && daterange(bill_part.first_day, bill_part.end_day)
                WHERE bill_part.bill_id = one.bill_id
            ) THEN
                INSERT INTO claim_conflict (occupancy_id, kind, first_day, end_day, part_id)
                SELECT occupancy_id, 'discarded', first_day, end_day, id
                FROM bill_part WHERE bill_id = one.bill_id;
                UPDATE bill SET state = 'draft', approver = NULL, approved_at = NULL
                WHERE id = one.bill_id AND state = 'approved';
                UPDATE bill SET state = 'discarded' WHERE id = one.bill_id;
            ELSE
                INSERT INTO taken
                SELECT occupancy_id, daterange(first_day, end_day), id
                FROM bill_part WHERE bill_id = one.bill_id;
            END IF;
        END IF;
    END LOOP;
END
$$;

-- Days between bills that no bill says: claimed, so that they are not billed unasked, and named.
INSERT INTO claim_conflict (occupancy_id, kind, first_day, end_day)
SELECT occupancy_id, 'not_billed', lower(hole), upper(hole)
FROM (
    SELECT
        occupancy_id,
        unnest(
            datemultirange(daterange(min(lower(days)), max(upper(days)))) - range_agg(days)
        ) AS hole
    FROM taken GROUP BY occupancy_id
) AS left_out
ORDER BY occupancy_id, hole;
INSERT INTO taken
SELECT occupancy_id, daterange(first_day, end_day), NULL
FROM claim_conflict WHERE kind = 'not_billed';

INSERT INTO claim_conflict (occupancy_id, kind, first_day, end_day)
SELECT occupancy.id, 'before_first_bill', occupancy.billing_from, min(lower(taken.days))
FROM occupancy JOIN taken ON taken.occupancy_id = occupancy.id
GROUP BY occupancy.id
HAVING occupancy.billing_from < min(lower(taken.days))
ORDER BY occupancy.id;
INSERT INTO claim_conflict (occupancy_id, kind, first_day, end_day, part_id)
SELECT
    occupancy.id, 'beyond_end', greatest(occupancy.ended_on, lower(taken.days)),
    upper(taken.days), taken.part_id
FROM occupancy JOIN taken ON taken.occupancy_id = occupancy.id
WHERE upper(taken.days) > occupancy.ended_on
ORDER BY occupancy.id, taken.days;

UPDATE occupancy SET billing_from = begun.first
FROM (
    SELECT occupancy_id, min(lower(days)) AS first FROM taken GROUP BY occupancy_id
) AS begun
WHERE begun.occupancy_id = occupancy.id;
INSERT INTO billed_period (occupancy_id, end_day)
SELECT id, billing_from FROM occupancy ORDER BY id;
INSERT INTO billed_period (occupancy_id, first_day, end_day, part_id)
SELECT occupancy_id, lower(days), upper(days), part_id FROM taken ORDER BY occupancy_id, days;

-- A bill is unique by what it claims: its account may have a final and a regular one of a period.
ALTER TABLE bill DROP CONSTRAINT bill_account_id_cycle_run_type_revision_key;
CREATE INDEX bill_of_account ON bill (account_id, cycle);
