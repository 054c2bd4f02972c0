-- Whoever works for the centre proposes, and decides nothing alone.
REVOKE INSERT ON suppressed_period FROM meterline_app;
GRANT INSERT (uid, occupancy_id, first_day, end_day, reason, decided_by, decided_at)
ON suppressed_period TO meterline_app;
GRANT UPDATE (approved_by, approved_at) ON suppressed_period TO meterline_app;

-- It is approved once and lifted once, and keeps what was decided.
CREATE OR REPLACE FUNCTION suppressed_period_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    lifted text [] := ARRAY['lifted_by', 'lifted_at', 'lift_reason'];
    approved text [] := ARRAY['approved_by', 'approved_at'];
BEGIN
    IF TG_OP = 'DELETE' OR OLD.lifted_at IS NOT NULL
        OR to_jsonb(NEW) - lifted - approved IS DISTINCT FROM to_jsonb(OLD) - lifted - approved
        OR (NEW.approved_by, NEW.approved_at)
        IS DISTINCT FROM (OLD.approved_by, OLD.approved_at) AND (
            NOT OLD.proposed OR OLD.approved_at IS NOT NULL OR NEW.lifted_at IS NOT NULL
        )
    THEN
        RAISE EXCEPTION 'suppression % keeps what was decided', OLD.id
            USING ERRCODE = 'restrict_violation', HINT = 'Suppress the days anew.';
    END IF;
    RETURN NEW;
END
$$;
