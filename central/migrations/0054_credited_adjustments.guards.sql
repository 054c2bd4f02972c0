-- What a bill carries goes with its lines, and stays where it is decided, unless a credit note has the
-- line.
CREATE OR REPLACE FUNCTION adjustment_use_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM removed JOIN bill ON bill.id = removed.bill_id
        WHERE (bill.state IN ('approved', 'issued') OR bill.cancels IS NOT NULL) AND NOT EXISTS (
            SELECT FROM bill AS note JOIN bill_line ON bill_line.bill_id = note.id
            WHERE note.cancels = bill.id AND note.state = 'issued'
                AND bill_line.number = removed.line
        )
    ) THEN
        RAISE EXCEPTION 'an adjustment of an approved or issued bill is kept'
            USING ERRCODE = 'restrict_violation', HINT = 'Cancel it: a credit note is a bill of its own.';
    END IF;
    RETURN NULL;
END
$$;

-- Carried at a line that says so, or closed by the credit note of what was to be adjusted.
CREATE FUNCTION adjustment_use_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.line IS NULL AND NOT EXISTS (
        SELECT FROM adjustment
        JOIN credited_part ON credited_part.part_id = adjustment.part_id
        WHERE adjustment.id = NEW.adjustment_id AND credited_part.bill_id = NEW.bill_id
    ) OR NEW.line IS NOT NULL AND NOT EXISTS (
        SELECT FROM adjustment
        JOIN bill_line ON bill_line.bill_id = NEW.bill_id AND bill_line.number = NEW.line
            AND bill_line.amount = adjustment.amount AND bill_line.lineage ? 'adjusts'
        WHERE adjustment.id = NEW.adjustment_id
    ) THEN
        RAISE EXCEPTION 'bill % has no line for adjustment %', NEW.bill_id, NEW.adjustment_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER adjustment_use_carried AFTER INSERT ON adjustment_use
DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION adjustment_use_added();

-- No line is credited twice.
CREATE FUNCTION credited_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM bill_line AS mirrored
        JOIN bill AS other ON other.cancels = NEW.cancels AND other.id <> NEW.id AND other.state = 'issued'
        JOIN bill_line AS before ON before.bill_id = other.id AND before.number = mirrored.number
        WHERE mirrored.bill_id = NEW.id
    ) THEN
        RAISE EXCEPTION 'credit note % has a line that another has', NEW.id
            USING ERRCODE = 'restrict_violation', HINT = 'Discard it and propose it again.';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER credit_note_once BEFORE UPDATE ON bill
FOR EACH ROW WHEN (
    NEW.cancels IS NOT NULL AND NEW.state = 'issued' AND OLD.state <> 'issued'
) EXECUTE FUNCTION credited_once();
