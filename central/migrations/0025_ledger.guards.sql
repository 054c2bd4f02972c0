GRANT SELECT, INSERT ON ledger_entry, ledger_use, bank_movement TO meterline_app;
GRANT DELETE ON ledger_use, bank_movement TO meterline_app;
CREATE TRIGGER ledger_entry_append_only BEFORE UPDATE OR DELETE ON ledger_entry
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_use_kept BEFORE UPDATE ON ledger_use
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER bank_movement_kept BEFORE UPDATE ON bank_movement
FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE FUNCTION bill_money_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM removed JOIN bill ON bill.id = removed.bill_id
        WHERE bill.state IN ('approved', 'issued')
    ) THEN
        RAISE EXCEPTION '% of an approved or issued bill is kept', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', HINT = 'Cancel the bill and bill again.';
    END IF;
    RETURN NULL;
END
$$;

-- What a bill consumed goes with its lines, and stays where it is decided.
CREATE TRIGGER ledger_use_removed AFTER DELETE ON ledger_use
REFERENCING OLD TABLE AS removed
FOR EACH STATEMENT EXECUTE FUNCTION bill_money_guard();
CREATE TRIGGER bank_movement_removed AFTER DELETE ON bank_movement
REFERENCING OLD TABLE AS removed
FOR EACH STATEMENT EXECUTE FUNCTION bill_money_guard();
