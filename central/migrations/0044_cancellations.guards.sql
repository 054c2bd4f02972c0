GRANT SELECT ON cancelled_part, live_part TO meterline_app;
GRANT SELECT, INSERT, DELETE ON credited_part TO meterline_app;
GRANT UPDATE (revision, replaces) ON bill TO meterline_app;

-- As before; what a bill cancels or replaces, and what it was proposed with, stays as well.
CREATE OR REPLACE FUNCTION bill_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'bill % is refused deletion', OLD.id
            USING ERRCODE = 'restrict_violation', HINT = 'Discard a draft or held bill; it stays listed.';
    END IF;
    IF OLD.state = 'issued' THEN
        RAISE EXCEPTION 'bill % is issued: it is never changed', OLD.id
            USING ERRCODE = 'restrict_violation', HINT = 'Cancel it: a credit note is a bill of its own.';
    END IF;
    IF (OLD.account_id, OLD.cycle, OLD.run_type, OLD.run_id, OLD.uid, OLD.cancels, OLD.decision)
        IS DISTINCT FROM
        (NEW.account_id, NEW.cycle, NEW.run_type, NEW.run_id, NEW.uid, NEW.cancels, NEW.decision)
        -- Days that a cancellation left free may come to an open bill of their period.
        OR (OLD.decision IS NOT NULL OR OLD.state NOT IN ('draft', 'held'))
        AND (OLD.revision, OLD.replaces) IS DISTINCT FROM (NEW.revision, NEW.replaces)
    THEN
        RAISE EXCEPTION 'bill % keeps its account, cycle, type, revision and run, and what it cancels or replaces',
            OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.state = 'approved' AND NEW.state <> 'draft' AND (NEW.state NOT IN ('approved', 'issued')
        OR (OLD.total, OLD.kwh, OLD.currency, OLD.sha256, OLD.document, OLD.approver, OLD.creator)
        IS DISTINCT FROM (NEW.total, NEW.kwh, NEW.currency, NEW.sha256, NEW.document, NEW.approver, NEW.creator))
    THEN
        RAISE EXCEPTION 'bill % is approved: its content stays', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state = 'issued' AND OLD.state <> 'approved'
        OR NEW.state = 'approved' AND OLD.state NOT IN ('draft', 'approved') THEN
        RAISE EXCEPTION 'bill % cannot go from % to %', OLD.id, OLD.state, NEW.state
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;

-- A credit note is one of an issued bill of the same account, in its currency.
CREATE FUNCTION credit_note_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM bill
        WHERE id = NEW.cancels AND state = 'issued' AND cancels IS NULL
            AND account_id = NEW.account_id AND currency = NEW.currency
    ) THEN
        RAISE EXCEPTION 'a credit note cancels an issued bill of its account, and no credit note'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER credit_note_begins BEFORE INSERT ON bill
FOR EACH ROW WHEN (NEW.cancels IS NOT NULL) EXECUTE FUNCTION credit_note_guard();

-- It says what the bill says, with opposite sign and nothing else: compared when it is decided.
CREATE FUNCTION credit_note_mirrors() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM bill_line AS mirrored
        LEFT JOIN bill_line AS line
            ON line.bill_id = NEW.cancels AND line.number = mirrored.number
        WHERE mirrored.bill_id = NEW.id AND (
            mirrored.service_point, mirrored.charge, mirrored.kind, mirrored.name, mirrored.label,
            mirrored.unit, mirrored.price, mirrored.amount, mirrored.quantity
        ) IS DISTINCT FROM (
            line.service_point, line.charge, line.kind, line.name, line.label,
            line.unit, line.price, -line.amount, -line.quantity
        )
    ) OR NEW.total IS DISTINCT FROM (
        SELECT coalesce(sum(amount), 0) FROM bill_line WHERE bill_id = NEW.id
    ) OR EXISTS (
        -- All parts at once: all lines.
        SELECT FROM bill_line AS line
        WHERE line.bill_id = NEW.cancels
            AND NOT EXISTS (
                SELECT FROM bill_line AS mirrored
                JOIN bill AS note ON note.id = mirrored.bill_id AND note.cancels = NEW.cancels
                    AND (note.id = NEW.id OR note.state = 'issued')
                WHERE mirrored.number = line.number
            )
            AND NOT EXISTS (
                SELECT FROM bill_part
                WHERE bill_part.bill_id = NEW.cancels AND NOT EXISTS (
                    SELECT FROM credited_part
                    JOIN bill AS note ON note.id = credited_part.bill_id
                        AND (note.id = NEW.id OR note.state = 'issued')
                    WHERE credited_part.part_id = bill_part.id
                )
            )
    ) THEN
        RAISE EXCEPTION 'credit note % does not mirror bill %', NEW.id, NEW.cancels
            USING ERRCODE = 'restrict_violation', HINT = 'Discard it and propose it again.';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER credit_note_decided BEFORE UPDATE ON bill
FOR EACH ROW WHEN (
    NEW.cancels IS NOT NULL AND NEW.state IN ('approved', 'issued') AND OLD.state <> NEW.state
) EXECUTE FUNCTION credit_note_mirrors();

-- Once it is issued, what it cancels claims no day any more: seen when all is done.
CREATE FUNCTION credit_note_ends_claims() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM credited_part
        JOIN bill_part ON bill_part.id = credited_part.part_id
        JOIN billed_period ON billed_period.occupancy_id = bill_part.occupancy_id
            AND billed_period.part_id = bill_part.id
        WHERE credited_part.bill_id = NEW.id
    ) THEN
        RAISE EXCEPTION 'what credit note % cancels claims days still', NEW.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER credit_note_issued AFTER UPDATE ON bill
DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (NEW.cancels IS NOT NULL AND NEW.state = 'issued' AND OLD.state <> 'issued')
EXECUTE FUNCTION credit_note_ends_claims();

-- Parts of the bill that the note cancels, while it is a draft; open again where it is discarded.
CREATE FUNCTION credited_part_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (
            SELECT FROM bill JOIN bill_part ON bill_part.bill_id = bill.cancels
            WHERE bill.id = NEW.bill_id AND bill.state = 'draft' AND bill_part.id = NEW.part_id
        ) THEN
            RAISE EXCEPTION 'part % is not of the bill that a draft credit note cancels', NEW.part_id
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NOT EXISTS (SELECT FROM bill WHERE id = OLD.bill_id AND state = 'discarded') THEN
        RAISE EXCEPTION 'credit note % keeps what it cancels', OLD.bill_id
            USING ERRCODE = 'restrict_violation', HINT = 'Discard its draft.';
    END IF;
    RETURN OLD;
END
$$;
CREATE TRIGGER credited_part_changes BEFORE INSERT OR DELETE ON credited_part
FOR EACH ROW EXECUTE FUNCTION credited_part_guard();
CREATE TRIGGER credited_part_kept BEFORE UPDATE ON credited_part
FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- A claim of an approved or issued bill ends only with its cancellation.
CREATE OR REPLACE FUNCTION billed_period_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM removed
        JOIN bill_part ON bill_part.id = removed.part_id
        JOIN bill ON bill.id = bill_part.bill_id
        WHERE bill.state IN ('approved', 'issued')
            AND NOT EXISTS (SELECT FROM cancelled_part WHERE part_id = removed.part_id)
    ) THEN
        RAISE EXCEPTION 'a claim of an approved or issued bill is refused deletion'
            USING ERRCODE = 'restrict_violation', HINT = 'It ends when a credit note cancels the bill.';
    END IF;
    RETURN NULL;
END
$$;

-- What a bill consumed is open again only with its cancellation; what it did to banks stays.
CREATE OR REPLACE FUNCTION bill_money_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM removed JOIN bill ON bill.id = removed.bill_id
        WHERE bill.state IN ('approved', 'issued') AND (
            TG_TABLE_NAME <> 'ledger_use'
            OR NOT EXISTS (SELECT FROM cancelled_part WHERE part_id = removed.part_id)
        )
    ) THEN
        RAISE EXCEPTION '% of an approved or issued bill is kept', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation',
                HINT = 'What was consumed is open again when a credit note cancels the bill.';
    END IF;
    RETURN NULL;
END
$$;
