-- A credit note is a bill that cancels an issued one, or parts of it: its lines are those of the bill
-- with opposite sign. It bills nothing itself, so it has no parts and claims no day.
ALTER TABLE bill
-- The bill whose days it bills anew.
ADD COLUMN replaces bigint REFERENCES bill,
-- What was proposed together is decided and issued together.
ADD COLUMN decision uuid,
ADD CHECK (cancels IS NULL OR replaces IS NULL),
ADD CHECK (cancels IS NULL OR decision IS NOT NULL);
CREATE INDEX bill_replaces ON bill (replaces) WHERE replaces IS NOT NULL;
CREATE INDEX bill_decision ON bill (decision) WHERE decision IS NOT NULL;
CREATE INDEX bill_cancelling ON bill (account_id) WHERE cancels IS NOT NULL;

-- Which parts a credit note is about, from its draft on: no part is cancelled twice.
CREATE TABLE credited_part (
    part_id bigint PRIMARY KEY,
    bill_id bigint NOT NULL REFERENCES bill
);
CREATE INDEX credited_part_bill ON credited_part (bill_id);

-- Parts that an issued credit note has cancelled.
CREATE VIEW cancelled_part AS
SELECT credited_part.part_id, credited_part.bill_id
FROM credited_part JOIN bill ON bill.id = credited_part.bill_id AND bill.state = 'issued';

-- Bills that stand, and what they come to: no credit note, none whose parts are all cancelled, and of
-- those that replace another in one decision with its cancellation only what is issued. Whoever sums
-- or lists what is billed asks here, or at `live_part`, so that a cancellation counts everywhere or
-- nowhere. What is discarded is left to the state.
CREATE OR REPLACE VIEW live_bill AS
SELECT
    id, account_id, state, currency, end_day, number, run_id, uid, cycle, run_type, first_day,
    total + coalesce((
        SELECT sum(note.total) FROM bill AS note
        WHERE note.cancels = bill.id AND note.state = 'issued'
    ), 0) AS total,
    kwh + coalesce((
        SELECT sum(note.kwh) FROM bill AS note
        WHERE note.cancels = bill.id AND note.state = 'issued'
    ), 0) AS kwh,
    validated_kwh + coalesce((
        SELECT sum(note.validated_kwh) FROM bill AS note
        WHERE note.cancels = bill.id AND note.state = 'issued'
    ), 0) AS validated_kwh,
    holds
FROM bill
WHERE cancels IS NULL AND (decision IS NULL OR state = 'issued') AND NOT (
    EXISTS (SELECT FROM bill AS note WHERE note.cancels = bill.id AND note.state = 'issued')
    AND NOT EXISTS (
        SELECT FROM bill_part
        WHERE bill_part.bill_id = bill.id
            AND NOT EXISTS (SELECT FROM cancelled_part WHERE part_id = bill_part.id)
    )
);

-- Parts of those bills that are not cancelled themselves.
CREATE VIEW live_part AS
SELECT bill_part.*, bill.account_id, bill.state, bill.currency
FROM bill_part
JOIN bill ON bill.id = bill_part.bill_id
    AND bill.cancels IS NULL AND (bill.decision IS NULL OR bill.state = 'issued')
WHERE NOT EXISTS (SELECT FROM cancelled_part WHERE part_id = bill_part.id);

-- A run's figures are those of bills that live; a cancelled bill is counted as that.
CREATE OR REPLACE FUNCTION bill_tally_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO bill_tally (run_id, state, currency, bills, total)
    SELECT run_id, state, currency, count(*), coalesce(sum(total), 0)
    FROM added WHERE decision IS NULL GROUP BY run_id, state, currency;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION bill_tally_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO bill_tally (run_id, state, currency, bills, total)
    SELECT run_id, state, currency, sum(bills), sum(total)
    FROM (
        SELECT run_id, state, currency, 1 AS bills, coalesce(total, 0) AS total FROM added
        WHERE decision IS NULL OR cancels IS NULL AND state = 'issued'
        UNION ALL
        SELECT run_id, state, currency, -1, -coalesce(total, 0) FROM removed
        WHERE decision IS NULL OR cancels IS NULL AND state = 'issued'
    ) AS change
    GROUP BY run_id, state, currency
    HAVING sum(bills) <> 0 OR sum(total) <> 0;
    IF EXISTS (SELECT FROM added WHERE cancels IS NOT NULL AND state = 'issued') THEN
        INSERT INTO bill_tally (run_id, state, currency, bills, total)
        SELECT cancelled.run_id, moved.state, cancelled.currency, moved.bills, moved.total
        FROM (
            SELECT added.cancels AS id, sum(added.total) AS total
            FROM added JOIN removed ON removed.id = added.id AND removed.state <> 'issued'
            WHERE added.cancels IS NOT NULL AND added.state = 'issued'
            GROUP BY added.cancels
        ) AS note
        JOIN bill AS cancelled ON cancelled.id = note.id
        CROSS JOIN LATERAL (
            SELECT NOT EXISTS (SELECT FROM live_bill WHERE live_bill.id = cancelled.id) AS whole
        ) AS what
        CROSS JOIN LATERAL (
            VALUES ('issued', -what.whole::integer, note.total),
                ('cancelled', what.whole::integer, 0)
        ) AS moved (state, bills, total)
        WHERE moved.bills <> 0 OR moved.total <> 0;
    END IF;
    RETURN NULL;
END
$$;

-- Who started the run of a bill has not worked on its credit note, nor on what is issued with that.
DO $$
DECLARE
    before text := pg_get_functiondef('bill_contributors'::regproc);
    after text := replace(
        before, 'bill_run_starter.run_id = bill.run_id',
        'bill_run_starter.run_id = bill.run_id AND bill.decision IS NULL'
    );
BEGIN
    IF after = before THEN
        RAISE EXCEPTION 'bill_contributors names nobody who started a run';
    END IF;
    EXECUTE after;
END
$$;
