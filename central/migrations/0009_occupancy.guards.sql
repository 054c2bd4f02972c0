GRANT SELECT, INSERT ON service, occupancy, billed_period, claim_conflict, run_note TO meterline_app;
GRANT UPDATE (channels) ON service TO meterline_app;
GRANT UPDATE (billing_from, ended_on) ON occupancy TO meterline_app;
-- A claim ends with its part, or the root moves; none is ever changed.
GRANT DELETE ON billed_period, run_note TO meterline_app;
GRANT USAGE ON SEQUENCE bill_part_id_seq TO meterline_app;
CREATE TRIGGER billed_period_kept BEFORE UPDATE ON billed_period
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER claim_conflict_append_only BEFORE UPDATE OR DELETE ON claim_conflict
FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE FUNCTION billed_period_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM removed
        JOIN bill_part ON bill_part.id = removed.part_id
        JOIN bill ON bill.id = bill_part.bill_id
        WHERE bill.state IN ('approved', 'issued')
    ) THEN
        RAISE EXCEPTION 'a claim of an approved or issued bill is refused deletion'
            USING ERRCODE = 'restrict_violation', HINT = 'Cancel the bill and bill again.';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER billed_period_removed AFTER DELETE ON billed_period
REFERENCING OLD TABLE AS removed
FOR EACH STATEMENT EXECUTE FUNCTION billed_period_guard();
