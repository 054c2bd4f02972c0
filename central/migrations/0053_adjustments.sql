-- What a correction would change, as it was shown to whoever decided: by currency, tax and bill.
ALTER TABLE correction ADD COLUMN difference jsonb NOT NULL DEFAULT '{}';

-- Differences of lines of issued bills, posted once by a correction and consumed by one bill, which
-- carries a line for each.
CREATE TABLE adjustment (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    correction_id bigint NOT NULL REFERENCES correction,
    account_id bigint NOT NULL REFERENCES account,
    part_id bigint NOT NULL,
    -- That the correction made of the part.
    version integer NOT NULL,
    -- The bill that the part is of.
    bill_id bigint NOT NULL REFERENCES bill,
    -- The line before and after.
    line jsonb NOT NULL,
    charge text NOT NULL,
    kind text NOT NULL,
    currency text NOT NULL,
    amount numeric NOT NULL,
    -- What is counted more, of lines in kWh.
    kwh numeric,
    FOREIGN KEY (part_id, version) REFERENCES settled_version (part_id, version),
    CHECK (amount = (line ->> 'new_amount')::numeric - (line ->> 'old_amount')::numeric)
);
CREATE INDEX adjustment_account ON adjustment (account_id, id);
CREATE INDEX adjustment_bill ON adjustment (bill_id);
CREATE INDEX adjustment_correction ON adjustment (correction_id);

-- Which bill carries an adjustment. Discarding the bill, or cancelling it, opens it again.
CREATE TABLE adjustment_use (
    adjustment_id bigint PRIMARY KEY REFERENCES adjustment,
    bill_id bigint NOT NULL
);
CREATE INDEX adjustment_use_bill ON adjustment_use (bill_id);

-- Who decides a correction has worked on the bill that carries it.
CREATE FUNCTION adjusting_people(wanted bigint) RETURNS TABLE (actor text, what text)
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
SELECT DISTINCT correction.decided_by, 'decided a correction that it carries'
FROM adjustment_use
JOIN adjustment ON adjustment.id = adjustment_use.adjustment_id
JOIN correction ON correction.id = adjustment.correction_id
WHERE adjustment_use.bill_id = wanted
$$;

-- As before, with them; and who started the run of a bill has not worked on its credit note, which a
-- later text of the function left out.
DO $$
DECLARE
    before text := pg_get_functiondef('bill_contributors'::regproc);
    after text := replace(
        before, 'WHERE ledger_use.bill_id = wanted AND ledger_use.part_id IS NOT NULL',
        'WHERE ledger_use.bill_id = wanted AND ledger_use.part_id IS NOT NULL
UNION ALL
SELECT decided.actor, decided.what FROM adjusting_people(wanted) AS decided'
    );
BEGIN
    IF after = before THEN
        RAISE EXCEPTION 'bill_contributors names nobody who posted money';
    END IF;
    IF position('bill.decision IS NULL' IN after) = 0 THEN
        after := replace(
            after, 'bill_run_starter.run_id = bill.run_id',
            'bill_run_starter.run_id = bill.run_id AND bill.decision IS NULL'
        );
    END IF;
    EXECUTE after;
END
$$;

-- Who worked on what a correction corrects, and so does not approve it: who decided it, and of the
-- account's bills from its first one on who edited their days, accepted their findings, or entered
-- versions of their tariffs since they were made.
CREATE FUNCTION correction_contributors(wanted bigint) RETURNS TABLE (actor text, what text)
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
WITH corrected AS (
    SELECT bill.id, bill.made_at
    FROM correction
    JOIN bill AS first ON first.id = correction.from_bill_id
    JOIN bill ON bill.account_id = correction.account_id AND bill.state = 'issued'
        AND bill.cancels IS NULL AND bill.end_day >= first.end_day
    WHERE correction.id = wanted
)
SELECT decided_by, 'decided it' FROM correction WHERE id = wanted
UNION
SELECT contributor.actor, contributor.what
FROM corrected CROSS JOIN LATERAL bill_contributors(corrected.id) AS contributor
WHERE contributor.what NOT IN ('made it', 'ran it again', 'started its run')
UNION
SELECT tariff_version.added_by, 'entered a version of its tariff'
FROM corrected
JOIN bill_part ON bill_part.bill_id = corrected.id
JOIN agreement ON agreement.id = bill_part.agreement_id
JOIN tariff_version ON tariff_version.tariff_id = agreement.tariff_id
    AND tariff_version.added_at >= corrected.made_at
$$;

-- What is posted is known since it was approved; which bill carries it changes with the bills.
INSERT INTO knowledge_rule (relation, kind, known) VALUES (
    'adjustment', 'recorded',
    'EXISTS (SELECT FROM correction WHERE id = correction_id AND approved_at <= as_of())'
);
INSERT INTO knowledge_rule (relation, kind) VALUES ('adjustment_use', 'kept');
