GRANT SELECT, INSERT ON suppressed_period TO meterline_app;
GRANT UPDATE (lifted_by, lifted_at, lift_reason) ON suppressed_period TO meterline_app;

-- It is lifted once, and keeps what was decided.
CREATE FUNCTION suppressed_period_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    lifted text [] := ARRAY['lifted_by', 'lifted_at', 'lift_reason'];
BEGIN
    IF TG_OP = 'DELETE' OR OLD.lifted_at IS NOT NULL
        OR to_jsonb(NEW) - lifted IS DISTINCT FROM to_jsonb(OLD) - lifted
    THEN
        RAISE EXCEPTION 'suppression % keeps what was decided', OLD.id
            USING ERRCODE = 'restrict_violation', HINT = 'Suppress the days anew.';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER suppressed_period_kept BEFORE UPDATE OR DELETE ON suppressed_period
FOR EACH ROW EXECUTE FUNCTION suppressed_period_guard();
CREATE TRIGGER suppressed_period_not_emptied BEFORE TRUNCATE ON suppressed_period
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- As before; the claim of suppressed days names the part before them, which has other days.
CREATE OR REPLACE FUNCTION billed_period_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM removed
        JOIN bill_part ON bill_part.id = removed.part_id
            AND bill_part.first_day = removed.first_day
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
