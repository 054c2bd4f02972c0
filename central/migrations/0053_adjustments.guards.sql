GRANT SELECT, INSERT ON adjustment, adjustment_use TO meterline_app;
GRANT DELETE ON adjustment_use TO meterline_app;
GRANT EXECUTE ON FUNCTION adjusting_people, correction_contributors TO meterline_app;

CREATE TRIGGER adjustment_append_only BEFORE UPDATE OR DELETE ON adjustment
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER adjustment_not_emptied BEFORE TRUNCATE ON adjustment
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER adjustment_use_kept BEFORE UPDATE ON adjustment_use
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER adjustment_use_not_emptied BEFORE TRUNCATE ON adjustment_use
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What a bill carries goes with its lines, and stays where it is decided, unless the bill is cancelled.
CREATE FUNCTION adjustment_use_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM removed JOIN live_bill ON live_bill.id = removed.bill_id
        WHERE live_bill.state IN ('approved', 'issued')
    ) THEN
        RAISE EXCEPTION 'an adjustment of an approved or issued bill is kept'
            USING ERRCODE = 'restrict_violation', HINT = 'Cancel it: a credit note is a bill of its own.';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER adjustment_use_removed AFTER DELETE ON adjustment_use
REFERENCING OLD TABLE AS removed
FOR EACH STATEMENT EXECUTE FUNCTION adjustment_use_guard();

-- Who approves a correction did not work on it.
CREATE FUNCTION correction_approval_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    did text;
BEGIN
    SELECT what INTO did FROM correction_contributors(NEW.id) WHERE actor = NEW.approved_by LIMIT 1;
    IF did IS NOT NULL THEN
        RAISE EXCEPTION 'correction % is not approved by somebody who %', NEW.id, did
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER correction_approved BEFORE UPDATE ON correction
FOR EACH ROW WHEN (NEW.state = 'approved') EXECUTE FUNCTION correction_approval_guard();
